"""A part of a document, as it is handed to the process that reads it, and what comes back."""

from dataclasses import dataclass, field

import msgspec

from assay.kit.archive import Address, Member

_Records = list[tuple[str, list[Member]]]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Records).decode


@dataclass(frozen=True, slots=True)
class Part:
    """Records to be read in one transaction. `address` is None for records that the caller holds in memory."""

    source: str
    scope: str
    document: str
    address: Address | None
    records: _Records

    def __reduce__(self) -> tuple[object, ...]:
        # Pickling five hundred members one by one takes the parent ten times as long.
        return _part, (self.source, self.scope, self.document, self.address, _pack(self.records))


def _part(source: str, scope: str, document: str, address: Address | None, records: bytes) -> Part:
    return Part(source, scope, document, address, _unpack(records))


@dataclass(slots=True)
class PartOutcome:
    """What came of a part, the places of its bad records, and of those whose bytes could not be had."""

    members: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
