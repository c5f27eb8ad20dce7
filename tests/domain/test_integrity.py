"""Hashes in hex become Subresource Integrity, and what is no hash stays as it is."""

import hashlib
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.integrity import sri, sri_of


@given(st.binary(), st.sampled_from(["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b"]))
def test_the_same_bytes_in_another_writing(content: bytes, algorithm: str):
    digest = hashlib.new(algorithm, content, usedforsecurity=False)
    written = sri_of(f"{algorithm.upper()}:{digest.hexdigest()}")
    name, _, value = written.partition("-")
    assert (name, b64decode(value)) == (algorithm, digest.digest())


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("sha256", "abc"), ("sha256", "g" * 64), ("crc32", "00000000"), ("sha1", "")]
)
def test_what_is_no_hash_stays(algorithm: str, digest: str):
    assert sri(algorithm, digest) == f"{algorithm}:{digest}"
