"""What people decide about extractions: approve, edit, reject, reassign, take back; one or many at a time.

A decision is a claim of the source `person`. It outranks what was read, now and whenever the entry is read again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay.errors import Conflict, Permanent
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.extraction import Extraction
from assay.pipelines.feeds.model.language import Language
from assay.pipelines.feeds.model.review import Decided, Edits, Filters, Item, State
from assay.pipelines.feeds.queries.language import language_chosen
from assay.pipelines.feeds.queries.reviewing import get_item, list_lines
from assay.pipelines.feeds.rules.editing import applied, as_edits, checked_identifier
from assay.pipelines.feeds.store import extractions as store
from assay.pipelines.feeds.tasks.neighbours import Neighbours
from assay.pipelines.feeds.tasks.publishing import publish
from assay.pipelines.feeds.tasks.settling import revive

__all__ = [
    "MOST_AT_ONCE",
    "Review",
    "approve",
    "approve_many",
    "as_edits",
    "edit",
    "found_by",
    "reassign",
    "reject",
    "reject_many",
    "reopen",
]

MOST_AT_ONCE = 500
_LONGEST_NOTE = 4_000


@dataclass(frozen=True, slots=True)
class Review:
    """A person at work on the queue, in one transaction. `language` are the settings, for the threshold."""

    conn: Connection
    by: str
    now: datetime
    language: Language

    def item(self, number: int, seen: datetime | None = None) -> Item:
        """An extraction that nobody else decides about meanwhile.

        Raises NotFound, and Conflict where what was read is not what the person has `seen` any more.
        """
        store.lock(self.conn)
        found = get_item(self.conn, number)
        if seen is not None and found.changed_at != seen:
            raise Conflict("the text was read anew while you looked at it: look at it again")
        return found

    def undecided(self, number: int) -> None:
        """Raises Conflict where a person has decided."""
        if (by := self.item(number).decided_by) is not None:
            raise Conflict(f"{by} has decided about it already")


def approve(
    review: Review,
    number: int,
    edits: Edits | None = None,
    *,
    note: str | None = None,
    seen: datetime | None = None,
) -> Item:
    """Stand by an extraction, as it is or as edited; it is published, a candidate under its own name.

    Others about the same vulnerability that wait are put behind it. Raises NotFound, Conflict, Permanent for edits
    that cannot be.
    """
    item = review.item(number, seen)
    if item.state is State.APPROVED and edits is None and not item.is_changed_since:
        raise Conflict(f"{item.decided_by} has approved it already")
    return _approved(review, item, item.identifier, edits, note)


def reassign(
    review: Review, number: int, identifier: str, *, note: str | None = None, seen: datetime | None = None
) -> Item:
    """Say that an extraction is about another vulnerability, and stand by it under that name."""
    item = review.item(number, seen)
    return _approved(review, item, checked_identifier(identifier), None, note)


def _approved(review: Review, item: Item, identifier: str, edits: Edits | None, note: str | None) -> Item:
    said = item.shown if edits is None else applied(item.shown, edits, item.prose.text)
    touched = {item.id}
    _decide(review, item, State.APPROVED, identifier, note, said)
    names = store.names_of(identifier, said)
    near = Neighbours(review.conn, review.now)
    others = [one for one in near.named(names) if one.id != item.id]
    behind = {one.id for one in others if one.state is State.IN_REVIEW}
    near.set_state(behind, State.SKIPPED)
    touched |= behind
    if identifier != item.identifier:
        revive(near, [item.identifier], _threshold(review), touched)
    near.write()
    publish(review.conn, touched, review.now)
    return get_item(review.conn, item.id)


def reject(review: Review, number: int, *, note: str | None = None, seen: datetime | None = None) -> Item:
    """Say that an extraction is wrong: its claims go, and reading the entry again does not bring them back.

    Where another extraction speaks of the same vulnerability, that one speaks now.
    """
    item = review.item(number, seen)
    if item.state is State.REJECTED:
        raise Conflict(f"{item.decided_by} has rejected it already")
    _decide(review, item, State.REJECTED, item.identifier, note)
    touched = {item.id}
    near = Neighbours(review.conn, review.now)
    revive(near, [item.identifier], _threshold(review), touched)
    near.write()
    publish(review.conn, touched, review.now)
    return get_item(review.conn, item.id)


def reopen(review: Review, number: int) -> Item:
    """Take a decision back: the extraction waits for a person again, with what somebody edited. Raises Conflict."""
    item = review.item(number)
    if item.state not in (State.APPROVED, State.REJECTED):
        raise Conflict(f"nobody decided about it: it is {item.state.value.replace('_', ' ')}")
    identifier = _own_name(item)
    made = store.Decision(
        state=State.IN_REVIEW,
        identifier=identifier,
        names=store.names_of(identifier, item.extracted),
        decided=item.decided if item.decided != item.extracted else None,
        by=None,
        at=None,
        note=None,
    )
    store.set_decision(review.conn, item.id, made)
    publish(review.conn, [item.id], review.now)
    return get_item(review.conn, item.id)


def _own_name(item: Item) -> str:
    """The name that an extraction had before anybody reassigned it; it stands in the record id."""
    if item.extracted.identifier is not None:
        return item.extracted.identifier.value
    return item.record_id.rsplit("/", 2)[1]


def edit(review: Review, number: int, edits: Edits, *, seen: datetime | None = None) -> Item:
    """Keep what a person makes of an extraction until they decide; of an approved one it holds at once."""
    item = review.item(number, seen)
    if item.state is State.APPROVED:
        return _approved(review, item, item.identifier, edits, item.note)
    if item.state in (State.REJECTED, State.SUPERSEDED):
        raise Conflict(f"it is {item.state.value}: reopen it first")
    said = applied(item.shown, edits, item.prose.text)
    store.set_draft(review.conn, item.id, None if said == item.extracted else said)
    return get_item(review.conn, item.id)


def approve_many(
    review: Review, ids: Sequence[int], *, note: str | None = None, undecided: bool = False
) -> Decided:
    """Stand by several extractions as they are; with `undecided` only by those that nobody decided about."""
    return _many(review, ids, undecided, lambda number: approve(review, number, note=note))


def reject_many(
    review: Review, ids: Sequence[int], *, note: str | None = None, undecided: bool = False
) -> Decided:
    """Say that several extractions are wrong; with `undecided` only those that nobody decided about."""
    return _many(review, ids, undecided, lambda number: reject(review, number, note=note))


def _many(review: Review, ids: Sequence[int], undecided: bool, decide: Callable[[int], Item]) -> Decided:
    if len(ids) > MOST_AT_ONCE:
        raise Permanent(f"{len(ids):,} at once are too many; {MOST_AT_ONCE} are not")
    done = Decided()
    for number in dict.fromkeys(ids):
        try:
            if undecided:
                review.undecided(number)
            decide(number)
        except Conflict as error:
            done.refused[number] = str(error)
        else:
            done.ids.append(number)
    return done


def found_by(conn: Connection, filters: Filters) -> list[int]:
    """The numbers of what a filter finds, in the order of the queue; as many as may be decided at once."""
    return [one.id for one in list_lines(conn, filters, limit=MOST_AT_ONCE)]


def _decide(
    review: Review,
    item: Item,
    state: State,
    identifier: str,
    note: str | None,
    said: Extraction | None = None,
) -> None:
    text = writable(note or "").strip()
    if len(text) > _LONGEST_NOTE:
        raise Permanent(f"a note has at most {_LONGEST_NOTE:,} characters")
    made = store.Decision(
        state=state,
        identifier=identifier,
        names=store.names_of(identifier, said if said is not None else item.shown),
        decided=said if said is not None else item.decided,
        by=review.by,
        at=review.now,
        note=text or None,
    )
    store.set_decision(review.conn, item.id, made)


def _threshold(review: Review) -> float:
    return language_chosen(review.conn, review.language).threshold
