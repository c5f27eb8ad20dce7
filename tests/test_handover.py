"""What is handed over arrives as it was, whatever bytes it is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.handover import program, read_request, request

# As the system passes them: any bytes but NUL, and text that came from such bytes.
FIELD = st.binary(max_size=20).filter(lambda field: b"\0" not in field)
TEXT = FIELD.map(lambda field: field.decode("utf-8", "surrogateescape"))


@given(TEXT, st.dictionaries(FIELD, FIELD), st.lists(TEXT))
def test_a_request_is_read_as_it_was_made(folder, environment, arguments):
    made = request(folder, environment, arguments)
    assert read_request(made) == (program(), folder, arguments, environment)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"program",
        b"program\0/\0",
        b"program\0/\x001\0",
        b"program\0/\x00one\0show\0",
        b"program\0/\x000\0A\0",
    ],
)
def test_what_is_no_request_is_told_from_one(content):
    with pytest.raises(ValueError, match=r"."):
        read_request(content)
