"""What decides between claims that a policy ranks alike, and which claims speak of several vulnerabilities."""

from math import inf
from typing import Any

from assay.catalog.model import Claim
from assay.catalog.rules.merged import Held
from assay.domain.identifiers import is_cve


def trust_in(entry: Held) -> tuple[Any, ...]:
    """What decides between claims of one rank."""
    claim = entry.claim
    return (
        len(bundled(claim)) > 0,
        -claim.confidence,
        -claim.modified.timestamp() if claim.modified else inf,
        claim.source,
        claim.record_id,
    )


def related_names(claim: Claim) -> tuple[str, ...]:
    """Names of others that a claim gives, the CVE ids of a claim on several among them: each is one of these."""
    several = bundled(claim)
    return (*claim.related, *several) if several else claim.related


def bundled(claim: Claim) -> tuple[str, ...]:
    """The CVE ids that a claim on several of them speaks of, empty for a claim on one."""
    # Asked of every claim several times, and hardly one has two names of this kind.
    if len(claim.aliases) < 2 - (claim.own is not None) or " ".join(claim.identifiers).count("CVE-") < 2:
        return ()
    cves = tuple(filter(is_cve, claim.identifiers))
    return cves if len(cves) > 1 else ()
