"""The merge policy: data that says whose word counts for which field."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.catalog.model import Claim
from assay.domain.identifiers import database
from assay.errors import Permanent

FIELDS = frozenset(
    {"summary", "details", "published", "cvss", "severity", "affected", "products", "exploited"}
)
_VERSIONS = ("4.0", "3.1", "3.0", "2.0")


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose word counts. `ranks` and `field_ranks` map a source or source/DATABASE to its place, 0 first."""

    ranks: Mapping[str, int]
    field_ranks: Mapping[str, Mapping[str, int]]
    names: Mapping[str, int]
    cvss: tuple[str, ...] = _VERSIONS
    review_below: float = 0.8
    speaks_only_for: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def rank(self, claim: Claim, field_name: str | None = None) -> int:
        """The claim's place for a field, 0 first; who is not in the field's own order follows in the general one."""
        general = self.ranks
        own_order = self.field_ranks.get(field_name) if field_name is not None else None
        if own_order is None:
            return _place(general, claim)
        place = _place(own_order, claim)
        return place if place < len(own_order) else place + _place(general, claim)

    def speaks(self, claim: Claim, field_name: str) -> bool:
        """Whether the claim's source is heard on this field."""
        only = self.speaks_only_for.get(claim.source)
        return only is None or field_name in only


def _place(ranks: Mapping[str, int], claim: Claim) -> int:
    if claim.own is not None:
        place = ranks.get(f"{claim.source}/{database(claim.own)}")
        if place is not None:
            return place
    return ranks.get(claim.source, len(ranks))


def read_policy(text: str, name: str) -> Policy:
    """The policy of a TOML text. Raises Permanent that names the file and the wrong entry."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Permanent(f"{name}: not TOML: {error}") from error
    unknown = content.keys() - {"priority", "names", "cvss", "review_below", "fields", "speaks_only_for"}
    if unknown:
        raise Permanent(f"{name}: unknown entries: {', '.join(sorted(unknown))}")
    field_orders = _table(content, "fields", name)
    return Policy(
        ranks=_places(content.get("priority"), f"{name}: priority"),
        field_ranks={key: _places(order, f"{name}: fields.{key}") for key, order in field_orders.items()},
        names=_places(content.get("names", []), f"{name}: names"),
        cvss=_cvss(content.get("cvss", list(_VERSIONS)), name),
        review_below=_share(content.get("review_below", 0.8), name),
        speaks_only_for={
            source: frozenset(_known(fields, f"{name}: speaks_only_for.{source}"))
            for source, fields in _table(content, "speaks_only_for", name, keys_are_fields=False).items()
        },
    )


def _table(
    content: Mapping[str, Any], key: str, name: str, *, keys_are_fields: bool = True
) -> Mapping[str, Any]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise Permanent(f"{name}: {key} must be a table")
    if keys_are_fields:
        _known(list(table), f"{name}: {key}")
    return table


def _known(fields: Any, where: str) -> list[str]:
    names = _texts(fields, where)
    unknown = set(names) - FIELDS
    if unknown:
        raise Permanent(f"{where}: unknown fields {sorted(unknown)}; known are {sorted(FIELDS)}")
    return names


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise Permanent(f"{where}: must be a list of texts")
    return value


def _places(value: Any, where: str) -> Mapping[str, int]:
    order = _texts(value, where)
    if len(set(order)) != len(order):
        raise Permanent(f"{where}: an entry stands there twice")
    return {entry: place for place, entry in enumerate(order)}


def _cvss(value: Any, name: str) -> tuple[str, ...]:
    order = _texts(value, f"{name}: cvss")
    if set(order) - set(_VERSIONS) or len(set(order)) != len(order):
        raise Permanent(f"{name}: cvss: must list versions of {', '.join(_VERSIONS)}, each once")
    return tuple(order)


def _share(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Permanent(f"{name}: review_below must be a number from 0 to 1")
    return float(value)
