"""Digests of a body while it streams by, compared with what its server promised."""

import base64
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected (RFC 3720 appendix B.4)
_ALL_ONES = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Promised:
    """The checksums that a server sent with a body, raw bytes; None for each that it did not send."""

    md5: bytes | None = None
    crc32c: bytes | None = None


def promised(goog_hash: Iterable[str], content_md5: str | None) -> Promised:
    """What `X-Goog-Hash` (`crc32c=...`, `md5=...`, base64) and `Content-MD5` promise; nonsense is ignored."""
    found: dict[str, bytes] = {}
    if content_md5 is not None:
        found["md5"] = _decoded(content_md5)
    for field in goog_hash:
        for part in field.split(","):
            name, _, value = part.strip().partition("=")
            found[name.lower()] = _decoded(value)
    md5, crc = found.get("md5", b""), found.get("crc32c", b"")
    return Promised(md5 if len(md5) == 16 else None, crc if len(crc) == 4 else None)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except ValueError:
        return b""


class Digests:
    """SHA-256 of everything fed, and one checksum to compare with the server's promise.

    CRC-32C costs about 0.1 s per MB here and is only computed where the server sent nothing better
    (Google's composite objects have no MD5).
    """

    def __init__(self, expected: Promised) -> None:
        self._expected = expected
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if expected.md5 else None
        self._crc = Crc32c() if expected.crc32c and not expected.md5 else None

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the body."""
        self._sha256.update(chunk)
        if self._md5 is not None:
            self._md5.update(chunk)
        if self._crc is not None:
            self._crc.update(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 so far, in lower-case hexadecimal."""
        return self._sha256.hexdigest()

    def broken_promise(self) -> str | None:
        """Which checksum differs from the server's, with both values; None when nothing does."""
        if self._md5 is not None and self._md5.digest() != self._expected.md5:
            return f"MD5 is {self._md5.hexdigest()}, the server said {(self._expected.md5 or b'').hex()}"
        if self._crc is not None and self._crc.digest() != self._expected.crc32c:
            promise = (self._expected.crc32c or b"").hex()
            return f"CRC-32C is {self._crc.digest().hex()}, the server said {promise}"
        return None


class Crc32c:
    """CRC-32C of everything fed to it, two bytes a step."""

    def __init__(self) -> None:
        self._register = _ALL_ONES
        self._odd = b""

    def update(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        chunk = self._odd + chunk
        pairs = len(chunk) // 2
        self._odd = chunk[pairs * 2 :]
        table, register = _pair_table(), self._register
        for (pair,) in struct.iter_unpack("<H", memoryview(chunk)[: pairs * 2]):
            register = (register >> 16) ^ table[(register ^ pair) & 0xFFFF]
        self._register = register

    def digest(self) -> bytes:
        """The checksum so far, big-endian as Google sends it."""
        register = self._register
        for byte in self._odd:
            register = _shifted(register ^ byte, 8)
        return (register ^ _ALL_ONES).to_bytes(4, "big")


def _shifted(register: int, bits: int) -> int:
    for _ in range(bits):
        register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
    return register


@cache
def _pair_table() -> list[int]:
    single = [_shifted(byte, 8) for byte in range(256)]
    return [
        (single[low] >> 8) ^ single[(single[low] ^ high) & 0xFF] for high in range(256) for low in range(256)
    ]
