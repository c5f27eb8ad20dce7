"""Which of several extractions speaks: the same one whatever the order in which they came."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pipelines.feeds.model.extraction import Doubt
from assay.pipelines.feeds.model.review import DECIDED, Known, State
from assay.pipelines.feeds.rules.placing import Came, judged, next_best, place
from pipelines.feeds.scenes import said, value


def known(number: int, extraction=None, state: State = State.ACCEPTED) -> Known:
    extraction = extraction or said()
    return Known(number, "CVE-2026-9545", f"r{number}", extraction, extraction.confidence, state)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.ACCEPTED),
        ({"confidence": 0.79}, State.IN_REVIEW),
        ({"confidence": 0.8}, State.ACCEPTED),
        ({"doubts": (Doubt.UNKNOWN_VENDOR,), "confidence": 1.0}, State.IN_REVIEW),
        ({"name": None, "doubts": ()}, State.IN_REVIEW),
    ],
)
def test_what_is_sure_named_and_without_doubt_stands_by_itself(changes, state):
    assert judged(said(**changes), 0.8) is state


def test_the_same_word_of_the_same_entry_is_nothing_new():
    assert place(said(), 0.8, known(1), []).came is Came.DUPLICATES
    changed = said(confidence=0.9, severity=value("High"))
    assert (place(changed, 0.8, known(1), []).came, place(changed, 0.8, known(1), []).state) == (
        Came.UPDATED,
        State.ACCEPTED,
    )


@pytest.mark.parametrize("state", sorted(DECIDED))
def test_what_a_person_decided_stays(state):
    assert place(said(confidence=1.0, vendor=value("other")), 0.8, known(1, state=state), []).state is state


def test_a_surer_word_puts_the_others_behind_itself_and_a_less_sure_one_stays_behind():
    better, worse = said(confidence=0.95, vendor=value("Haxx")), said(confidence=0.85)
    assert place(better, 0.8, None, [known(1, worse)]) == place(better, 0.8, None, [known(1, worse)])
    placed = place(better, 0.8, None, [known(1, worse)])
    assert (placed.came, placed.state, placed.behind) == (Came.UPDATED, State.ACCEPTED, (1,))
    placed = place(worse, 0.8, None, [known(1, better)])
    assert (placed.came, placed.state, placed.behind) == (Came.SKIPPED, State.SKIPPED, ())
    # The same from elsewhere tells nothing new.
    assert place(said(confidence=0.9), 0.8, None, [known(1)]).came is Came.DUPLICATES
    # However sure, what waits for a person stays behind what stands.
    doubted = said(confidence=1.0, doubts=(Doubt.ORDERS,), vendor=value("Haxx"))
    assert place(doubted, 0.8, None, [known(1, worse)]).state is State.SKIPPED
    assert place(doubted, 0.8, None, [known(1, worse, State.APPROVED)]).state is State.SKIPPED
    # What nobody looked at is put behind by what stands, and what a person approved by nothing.
    assert place(better, 0.8, None, [known(1, doubted, State.IN_REVIEW)]).behind == (1,)
    assert place(better, 0.8, None, [known(1, worse, State.REJECTED)]).behind == ()
    assert place(better, 0.8, None, [known(1, worse, State.APPROVED)]).state is State.SKIPPED


def behind(one: Known) -> Known:
    return Known(one.id, "", "", one.extraction, one.confidence, State.SKIPPED)


words = st.builds(
    said,
    confidence=st.sampled_from([0.3, 0.5, 0.85, 0.9, 1.0]),
    doubts=st.sampled_from([(), (Doubt.CONFLICT,)]),
)


@given(st.lists(words, min_size=1, max_size=4, unique_by=lambda one: (judged(one, 0.8), one.confidence)))
def test_the_same_one_speaks_in_every_order(said_by_feeds):
    speaking = set()
    for order in itertools.permutations(said_by_feeds):
        there: list[Known] = []
        for number, one in enumerate(order):
            placed = place(one, 0.8, None, there)
            there = [behind(old) if old.id in placed.behind else old for old in there]
            there.append(Known(number, "", "", one, one.confidence, placed.state))
        (only,) = [one for one in there if one.state is not State.SKIPPED]
        speaking.add(msgspec.json.encode(only.extraction))
        gone = [
            Known(one.id, "", "", one.extraction, one.confidence, State.REJECTED) if one is only else one
            for one in there
        ]
        revived = next_best(gone, 0.8)
        assert (revived is None) is (len(there) == 1)
    assert len(speaking) == 1


def test_none_follows_while_another_speaks():
    assert next_best([known(1), known(2, state=State.SKIPPED)], 0.8) is None
    worse = known(2, said(confidence=0.5), State.SKIPPED)
    gone = known(1, state=State.REJECTED)
    assert next_best([gone, worse, known(3, said(confidence=0.9), State.SKIPPED)], 0.8) == (3, State.ACCEPTED)
    assert next_best([gone, worse], 0.8) == (2, State.IN_REVIEW)
