"""Names in boxes: what fits is left alone, what does not keeps its beginning and its end, and nothing is too wide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.web.lettering import shortened, width


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("udp://514", "udp://514"),
        ("monitor:///var/log/secure", "monitor\N{HORIZONTAL ELLIPSIS}r/log/secure"),
        ("a\n b\t c", "a b c"),
        ("W" * 60, "WWWW\N{HORIZONTAL ELLIPSIS}WWWWWW"),
        ("i" * 60, "i" * 11 + "\N{HORIZONTAL ELLIPSIS}" + "i" * 17),
    ],
)
def test_what_is_shown_of_a_name(text, said):
    assert shortened(text, 11.5) == said


@given(st.text(), st.floats(2, 40))
def test_nothing_is_wider_than_its_room(text, room):
    shown = shortened(text, room)
    assert width(shown) <= room + 1e-9
    whole = " ".join(text.split())
    if shown != whole:
        assert width(whole) > room
        head, _, tail = shown.partition("\N{HORIZONTAL ELLIPSIS}")
        assert whole.startswith(head)
        # A text may hold an ellipsis of its own.
        assert whole.endswith(tail.rpartition("\N{HORIZONTAL ELLIPSIS}")[2])
