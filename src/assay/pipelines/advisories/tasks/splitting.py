"""A document that is one file, as an archive of the records in it."""

from collections.abc import Iterable
from hashlib import blake2b

from assay.kit.archive import Member


class SplitDocument:
    """The records of a document that is one file, as if they were members of an archive."""

    def __init__(self, records: Iterable[tuple[str, bytes]]) -> None:
        self._raw: dict[str, bytes] = {}
        self._record_ids: dict[str, str] = {}
        for record_id, raw in records:
            name, copy = record_id, 1
            while name in self._raw:
                copy += 1
                name = f"{record_id} ({copy})"
            self._raw[name] = raw
            self._record_ids[name] = record_id

    def members(self) -> list[Member]:
        """One member per record, in the document's order."""
        return [
            Member(name, len(raw), blake2b(raw, digest_size=16).digest(), None)
            for name, raw in self._raw.items()
        ]

    def read(self, member: Member) -> bytes:
        """The record's bytes."""
        return self._raw[member.name]

    def locate(self, name: str) -> str | None:
        """The record id a name stands for; a name that only the last listing had stands for itself."""
        return self._record_ids.get(name, name.partition(" (")[0])
