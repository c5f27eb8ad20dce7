"""What each claim said about each field, read back from the claims that the provenance names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from assay.catalog.model import Claim
from assay.catalog.rules.affected import package_key
from assay.catalog.rules.merged import Provenance
from assay.catalog.rules.trusting import related_names
from assay.domain.severity import score


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """A claim's word on a field. `value` is None when the claim cannot be read any more.

    `said_by` is where inside its source it comes from, and `quotes` are the words of a text that support it.
    """

    claim: str
    value: Any
    said_by: str | None = None
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldWord:
    """Who set a field, who disagreed, and whose entries a united list holds as well."""

    field: str
    by: Word
    against: tuple[Word, ...]
    also: tuple[Word, ...]


def explain_fields(provenance: Provenance, claims: Mapping[str, Claim]) -> list[FieldWord]:
    """Every field of the provenance, in alphabetical order, with the claims' own values."""

    def word(position: int, field: str) -> Word:
        label = provenance.claims[position]
        claim = claims.get(label)
        if claim is None:
            return Word(label, None)
        return Word(label, value_of(claim, field), claim.said_by, _quotes(claim, field))

    return [
        FieldWord(
            field,
            word(said.by, field),
            tuple(word(position, field) for position in said.against),
            tuple(word(position, field) for position in said.also),
        )
        for field, said in sorted(provenance.fields.items())
    ]


def _quotes(claim: Claim, field: str) -> tuple[str, ...]:
    """What a text says on a field; of its packages together, whichever package is asked for."""
    kind = field.partition("/")[0]
    return tuple(entry.quote for entry in claim.evidence if entry.field in (field, kind))


def value_of(claim: Claim, field: str) -> Any:
    """What a claim says on a field of the provenance, as plain JSON values."""
    kind, _, rest = field.partition("/")
    value: Any
    if kind == "affected":
        value = [entry for entry in claim.affected if "/".join(package_key(entry)) == rest]
    elif kind == "cvss":
        value = [
            entry.score for entry in claim.severity if (found := score(entry.score)) and found.version == rest
        ]
    elif kind in ("severity", "severity_word"):
        value = claim.severity_word or [entry.score for entry in claim.severity]
    elif kind == "cwe_ids":
        value = claim.cwes
    elif kind == "related":
        value = related_names(claim)
    else:
        value = getattr(claim, kind)
    # By way of JSON: what passes through verbatim has no other form.
    return msgspec.json.decode(msgspec.json.encode(value))
