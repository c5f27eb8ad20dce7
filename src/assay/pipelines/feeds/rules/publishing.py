"""What the catalog is told of an extraction: which claims stand for it, and how far they are held back."""

from typing import NamedTuple

from assay.catalog.model import Reserve
from assay.pipelines.feeds.model.extraction import Extraction
from assay.pipelines.feeds.model.review import Item, Record, State
from assay.pipelines.feeds.rules.claims import quotes_of


class Claims(NamedTuple):
    """The claim of what was read, and of what a person decided; None where there must be none."""

    read: Record | None
    decided: Record | None


# Of what only we have a name for nothing is told before a person approves it.
_RESERVES = {
    State.ACCEPTED: Reserve.NONE,
    State.IN_REVIEW: Reserve.UNREVIEWED,
    State.SKIPPED: Reserve.SKIPPED,
    # The person speaks; what was read fills none of the fields that they left empty.
    State.APPROVED: Reserve.SKIPPED,
}


def claims_of(item: Item) -> Claims:
    """The claims that stand for an extraction as it is now."""
    reserve = _RESERVES.get(item.state)
    read = None
    if reserve is not None and item.extracted.identifier is not None:
        read = _record(item, item.extracted.identifier.value, item.extracted, int(reserve), None)
    decided = None
    if item.state is State.APPROVED:
        decided = _record(item, item.identifier, item.shown, int(Reserve.NONE), item.decided_by)
        # Reassigned: what was read is about another vulnerability, and was wrong.
        if read is not None and read.identifier != item.identifier:
            read = None
    return Claims(read, decided)


def _record(item: Item, identifier: str, said: Extraction, reserve: int, by: str | None) -> Record:
    return Record(
        identifier=identifier,
        feed=item.feed,
        entry_key=item.entry_key,
        extraction=said,
        entry_title=item.title,
        address=item.address,
        quotes=quotes_of(said, item.prose),
        modified=item.prose.modified or item.published_at,
        reserve=reserve,
        decided_by=by,
        note=item.note if by is not None else None,
    )
