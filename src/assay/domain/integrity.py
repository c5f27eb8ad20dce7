"""Hashes of files, as Subresource Integrity writes them (W3C, Subresource Integrity, 3.1)."""

import re
from base64 import b64encode

# The hash functions that lock files use, and the hex digits of their results.
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128, "blake2b": 128}
_HEX = re.compile(r"[0-9a-fA-F]+")


def sri(algorithm: str, digest: str) -> str:
    """`sha256-<base64>` for a digest in hex; `sha256:<digest>` as it stands where it is none of that function."""
    algorithm = algorithm.lower()
    if _DIGITS.get(algorithm) == len(digest) and _HEX.fullmatch(digest):
        return f"{algorithm}-{b64encode(bytes.fromhex(digest)).decode()}"
    return f"{algorithm}:{digest}"


def sri_of(text: str) -> str:
    """The same for `sha256:<hex>`, as Python's lock files and pip write it."""
    algorithm, _, digest = text.partition(":")
    return sri(algorithm.strip(), digest.strip())
