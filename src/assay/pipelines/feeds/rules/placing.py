"""Where an extraction belongs among those that are known: new, better, worse, or nothing new.

Of several extractions about one vulnerability one speaks: those that stand before those that wait for a person, then
the surer one; of equals the one that came first. The others stay claims and set nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Value
from assay.pipelines.feeds.model.review import DECIDED, Known, State

_SPEAKING = (State.ACCEPTED, State.APPROVED, State.IN_REVIEW)


class Came(StrEnum):
    """What became of an extraction, as the passes count it."""

    CREATED = "created"
    UPDATED = "updated"
    SKIPPED = "skipped"
    DUPLICATES = "duplicates"


@dataclass(frozen=True, slots=True)
class Placed:
    """What becomes of a new extraction, how it stands then, and which others it puts behind itself."""

    came: Came
    state: State
    behind: tuple[int, ...] = ()


def judged(said: Extraction, threshold: float) -> State:
    """Whether an extraction may stand by itself: named, sure enough, and without anything that asks for a person."""
    if said.identifier is None or said.doubts or said.confidence < threshold:
        return State.IN_REVIEW
    return State.ACCEPTED


def place(said: Extraction, threshold: float, own: Known | None, others: Sequence[Known]) -> Placed:
    """Where an extraction belongs. `own` is what its entry said before, `others` speak of the same vulnerability.

    What a person decided stays as they decided it, whatever is read later.
    """
    state = judged(said, threshold)
    if own is not None and own.state in DECIDED:
        return Placed(Came.DUPLICATES if own.extraction == said else Came.SKIPPED, own.state)
    if own is not None and own.extraction == said and _is_settled(own.state, state):
        return Placed(Came.DUPLICATES, own.state)
    mine = _rank(state, said.confidence)
    ahead = [one for one in others if one.state in _SPEAKING and _rank(one.state, one.confidence) >= mine]
    if ahead:
        is_same = any(facts(one.extraction) == facts(said) for one in ahead)
        return Placed(Came.DUPLICATES if is_same else Came.SKIPPED, State.SKIPPED)
    behind = tuple(one.id for one in others if one.state in (State.ACCEPTED, State.IN_REVIEW))
    return Placed(Came.UPDATED if behind or own is not None else Came.CREATED, state, behind)


def next_best(known: Sequence[Known], threshold: float) -> tuple[int, State] | None:
    """Which extraction speaks now that the one before it does not any more, and how it stands; None where none can."""
    waiting = [one for one in known if one.state is State.SKIPPED]
    if not waiting or any(one.state in _SPEAKING for one in known):
        return None
    best = max(waiting, key=lambda one: (*_rank(judged(one.extraction, threshold), one.confidence), -one.id))
    return best.id, judged(best.extraction, threshold)


def _is_settled(was: State, would_be: State) -> bool:
    """Whether reading the same again would change nothing; another threshold may."""
    return was in (would_be, State.SKIPPED)


def _rank(state: State, confidence: float) -> tuple[int, float]:
    if state is State.APPROVED:
        return 2, 1.0
    return int(state is State.ACCEPTED), confidence


def facts(said: Extraction) -> tuple[Any, ...]:
    """What an extraction says, apart from where it stands and how sure it is."""
    return (
        _plain(said.vendor),
        _plain(said.product),
        frozenset((one.ecosystem, one.name) for one in said.packages),
        frozenset(
            (one.product, one.introduced, one.fixed, one.last_affected, one.exact) for one in said.ranges
        ),
        _plain(said.severity),
        frozenset(one.value for one in said.vectors),
        frozenset(one.value for one in said.cwes),
    )


def _plain(value: Value | None) -> str | None:
    return None if value is None else " ".join(value.value.split()).casefold()


def with_doubt(said: Extraction, doubt: Doubt) -> Extraction:
    """The extraction with one more reason to look at it."""
    if doubt in said.doubts:
        return said
    return msgspec.structs.replace(said, doubts=(*said.doubts, doubt))
