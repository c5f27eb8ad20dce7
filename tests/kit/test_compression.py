"""Compression: what goes in comes out, from several threads at once, and the same bytes every time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from assay.kit.compression import compress, decompress


@given(st.binary(max_size=5_000))
def test_what_goes_in_comes_out(content: bytes):
    assert decompress(compress(content)) == content
    assert compress(content) == compress(content)


def test_much_comes_out_as_well_and_smaller():
    content = b"all about one vulnerability " * 100_000
    assert len(compress(content)) < len(content) / 100
    assert decompress(compress(content)) == content


def test_a_frame_states_its_size():

    assert zstandard.frame_content_size(compress(b"x" * 1234)) == 1234


def test_threads_do_not_share_a_compressor():
    contents = [bytes([number]) * 50_000 for number in range(64)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda content: decompress(compress(content)), contents)) == contents


@pytest.mark.parametrize("frame", [b"", b"no frame", compress(b"cut off")[:-1]])
def test_what_is_no_frame_is_an_error(frame: bytes):
    with pytest.raises(zstandard.ZstdError):
        decompress(frame)
