"""Hashes of files as Subresource Integrity writes them: the algorithm, a dash, and base64 (W3C SRI, 3.5)."""

import binascii
from base64 import b64encode

_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}


def integrity_of(algorithm: str, digest: str) -> str:
    """`sha256-<base64>` for a digest in hexadecimal; the algorithm may be spelled `SHA-256` or `SHA256`.

    What is no digest of that length, or of another algorithm, stays as it was written: `<algorithm>:<digest>`.
    """
    algorithm = algorithm.strip().lower()
    known = algorithm.replace("-", "")
    try:
        raw = binascii.unhexlify(digest.strip())
    except ValueError:
        raw = b""
    if len(raw) != _BYTES.get(known, -1):
        return f"{algorithm}:{digest.strip()}"
    return f"{known}-{b64encode(raw).decode()}"
