"""Signatures of what is sent to others, as the Standard Webhooks specification (1.0) writes them."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error

_PREFIX = "whsec_"
# The specification's own limits, in bytes.
_SHORTEST, _LONGEST = 24, 64


def read_secret(text: str) -> bytes:
    """The bytes of a secret: base64 after `whsec_`, or any other text as it stands. Raises ValueError."""
    if not text.startswith(_PREFIX):
        secret = text.encode()
    else:
        try:
            secret = b64decode(text.removeprefix(_PREFIX), validate=True)
        except Error as error:
            raise ValueError("what follows whsec_ is not base64") from error
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise ValueError(f"a secret has {_SHORTEST} to {_LONGEST} bytes, not {len(secret)}")
    return secret


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message, sent at that second (since 1970)."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def signed_headers(secret: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows who sent a message, when, and whether it had it before."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }
