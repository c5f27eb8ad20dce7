"""The pipeline's decisions: what of a listing has to be read, whether it may be believed, which copy stands. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Generic, NamedTuple, Protocol, TypeVar

from assay.catalog.model import Claim
from assay.errors import BadRecord
from assay.pipelines.advisories.model import Entry

# A listing that lost more of its records than this is taken for damage, not for news (osv.dev's
# "cowardly refusing", research/aggregators.md 1.1; the design's tombstone guard).
MAX_LOSS = 0.10
# Below this many lost records the share says nothing: one of three records gone is no catastrophe.
FEW_LOST = 5


class Listed(Protocol):
    """One member of an archive."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def fault(self) -> str | None: ...


Member = TypeVar("Member", bound=Listed)

# Fits no member's fingerprint.
UNREAD = b""


@dataclass(slots=True)
class Reading(Generic[Member]):
    """What of a listing has to be read: members by record id, all copies of a record together.

    `names` are those of all records listed, `had` the record ids of the last listing.
    """

    records: int = 0
    unchanged: int = 0
    kept_bad: int = 0
    changed: list[tuple[str, list[Member]]] = field(default_factory=list)
    faulty: list[tuple[str, Member]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    names: AbstractSet[str] = frozenset()
    had: AbstractSet[str] = frozenset()


_NUMBERED = re.compile(r"#[0-9]+\Z")


def as_listed(locate: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """`locate` for names as an archive lists them.

    The second member of one name is listed as `name#2`, and some packers (and attackers) write backslashes: both
    are records as well, and not to be passed over.
    """

    def located(name: str) -> str | None:
        found = locate(name)
        if found is None and "#" in name:
            found = locate(_NUMBERED.sub("", name))
        if found is None and "\\" in name:
            found = located(name.replace("\\", "/"))
        return found

    return located


def plan_reading(
    members: Iterable[Member],
    locate: Callable[[str], str | None],
    last: Mapping[str, Entry],
    *,
    is_full: bool = True,
) -> Reading[Member]:
    """What has to be read of a listing, given the last one.

    A member with the fingerprint it had is not read again, unless another copy of its record changed or (where the
    listing is full) is there no longer: it may be the copy that stands. `gone` are record ids that only the last
    listing had.
    """
    listed = [(record, member) for member in members if (record := locate(member.name)) is not None]
    now = Counter([record for record, _ in listed])
    where = {member.name: record for record, member in listed}
    had = Counter([record for name in last if (record := where.get(name) or locate(name)) is not None])
    # Almost everything is as it was: what is not is found first, and only that is looked at one by one.
    touched = {
        record
        for record, member in listed
        if (entry := last.get(member.name)) is None or entry.fingerprint != member.fingerprint
    }
    if is_full:
        touched.update(record for record, copies in now.items() if had[record] != copies)
    was_bad = {name for name, entry in last.items() if entry.is_bad}
    reading = Reading[Member](records=len(listed), gone=sorted(had.keys() - now.keys()), had=had.keys())
    reading.names = where.keys()
    reading.unchanged = len(listed) - sum(now[record] for record in touched)
    if was_bad:
        kept = (record not in touched and member.name in was_bad for record, member in listed)
        reading.kept_bad = sum(kept)
        reading.unchanged -= reading.kept_bad
    copies: dict[str, list[Member]] = {}
    for record, member in listed:
        if record not in touched:
            continue
        if member.fault is None:
            copies.setdefault(record, []).append(member)
        else:
            reading.faulty.append((record, member))
    reading.changed = list(copies.items())
    return reading


def refusal(records: int, gone: int, had: int, *, accept_loss: bool) -> str | None:
    """Why a full listing is not believed, None when it is."""
    if records == 0:
        return "it lists no record at all; an empty listing is damage, not news"
    if gone > max(FEW_LOST, had * MAX_LOSS) and not accept_loss:
        return (
            f"{gone:,} of {had:,} records ({gone / had:.0%}) would go, more than {MAX_LOSS:.0%}; nothing was changed. "
            "If the source really shrank, sync again with --accept-loss"
        )
    return None


def batches(
    changed: Sequence[tuple[str, list[Member]]], *, most: int, most_bytes: int
) -> Iterator[list[tuple[str, list[Member]]]]:
    """Records packed into batches by number and size, all copies of a record in one."""
    batch: list[tuple[str, list[Member]]] = []
    size = 0
    for record_id, members in changed:
        batch.append((record_id, members))
        size += sum(member.size for member in members)
        if len(batch) >= most or size >= most_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def content_hash(
    raw: bytes, volatile: re.Pattern[bytes] | None, reader_version: int = 0, *, marks: Sequence[bytes] = ()
) -> bytes:
    """The fingerprint of a raw record as one reader reads it, without the timestamps that change by themselves.

    The same bytes under another reader are another claim: it has to be merged again. `marks`, with one of which every
    volatile part begins, change nothing but the time that it takes.
    """
    content = raw if volatile is None else _without(raw, volatile, marks)
    digest = sha256(content)
    digest.update(b"%d" % reader_version)
    return digest.digest()[:16]


def _without(raw: bytes, volatile: re.Pattern[bytes], marks: Sequence[bytes]) -> bytes:
    """The bytes that are left when the first match at or after each end of the one before it is taken out."""
    if not marks:
        return volatile.sub(b"", raw)
    places = [at for mark in marks for at in _places(raw, mark)]
    if not places:
        return raw
    if len(marks) > 1:
        places.sort()
    pieces: list[bytes] = []
    begin = 0
    for at in places:
        if at >= begin and (match := volatile.match(raw, at)) is not None:
            pieces.append(raw[begin:at])
            begin = match.end()
    pieces.append(raw[begin:])
    return b"".join(pieces)


def _places(raw: bytes, mark: bytes) -> Iterator[int]:
    at = raw.find(mark)
    while at >= 0:
        yield at
        at = raw.find(mark, at + 1)


class Candidate(NamedTuple):
    """One copy of a record that could be read; `reading` is the claim as JSON."""

    locator: str
    raw: bytes
    claim: Claim
    reading: bytes


def choose_copy(candidates: Sequence[Candidate]) -> tuple[Candidate, list[tuple[Candidate, BadRecord]]]:
    """The copy of a record that stands, and the others with the reason why they do not.

    The newest stands, then the larger fingerprint, so the choice does not depend on the order in the archive.
    """

    def order(candidate: Candidate) -> tuple[datetime | None, bytes, str]:
        return candidate.claim.modified, content_hash(candidate.raw, None), candidate.locator

    dated = sorted((c for c in candidates if c.claim.modified is not None), key=order)
    undated = sorted((c for c in candidates if c.claim.modified is None), key=lambda c: order(c)[1:])
    standing = (undated + dated)[-1]
    others = []
    for candidate in candidates:
        if candidate is standing:
            continue
        if candidate.raw == standing.raw:
            reason, what = "duplicate", "the same record, byte for byte"
        else:
            reason, what = "duplicate-differs", "the same record id with other content"
        detail = f"{candidate.locator}: {what}, stands at {standing.locator}, which was kept"
        others.append((candidate, BadRecord(reason, detail)))
    return standing, others


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One row of a bucket's list of changes."""

    modified: datetime
    name: str


def read_changes(text: str) -> tuple[list[ObjectChange], list[tuple[int, str]]]:
    """The rows of a `modified_id.csv` (`<RFC 3339>,<object>`), and the numbers and texts of those that are none.

    Source of the form: https://google.github.io/osv.dev/data/, "Downloading recent changes".
    """
    changes, bad = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        stamp, _, name = line.partition(",")
        try:
            modified = datetime.fromisoformat(stamp.strip())
        except ValueError:
            modified = None
        if modified is None or modified.tzinfo is None or not name.strip():
            bad.append((number, line))
        else:
            changes.append(ObjectChange(modified, name.strip()))
    return changes, bad
