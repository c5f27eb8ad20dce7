"""What each claim said about each field, read back from the claims that the provenance names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from assay.catalog.model import Claim
from assay.catalog.rules.affected import package_key
from assay.catalog.rules.merging import Provenance, related_names
from assay.domain.severity import score


@dataclass(frozen=True, slots=True)
class Word:
    """A claim's word on a field. `value` is None when the claim cannot be read any more."""

    claim: str
    value: Any


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
        return Word(label, None if claim is None else value_of(claim, field))

    return [
        FieldWord(
            field,
            word(said.by, field),
            tuple(word(position, field) for position in said.against),
            tuple(word(position, field) for position in said.also),
        )
        for field, said in sorted(provenance.fields.items())
    ]


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
