"""Values that must not be kept: what they are is told by name, by shape, or by both. Pure.

What replaces one says its kind, its length and a keyed fingerprint, so that people see whether two are equal.
"""

import re
from collections.abc import Callable
from functools import lru_cache

Fingerprint = Callable[[str], str]
"""A short text for a secret: equal for equal ones, and of no use without the installation's key."""

# Configurations in which words like `token` name something else: eventgen.conf.spec's `token.<n>.token` are patterns,
# authorize.conf's are capabilities, in props.conf and transforms.conf they are names of classes and fields, the others
# describe fields and features.
_NOT_BY_NAME = frozenset(
    (
        *("authorize", "collections", "eventgen", "fields", "multikv"),
        *("props", "searchbnf", "sourcetypes", "transforms", "web-features"),
    )
)
_NAMED = re.compile(
    r"(password|passwd|passphrase|pass4symmkey|secret|token|credentials?|pwd|"
    r"(api|access|private|secret|auth|encryption|account|shared|storage|license|signing)_?key)(\.\d+)?$",
    re.IGNORECASE,
)
# Named like one, and harmless: `reload.<conf>` of app.conf, `token.<n>.token` of event generators.
_HARMLESS_NAMES = re.compile(r"^(reload\.|token\.\d+\.)", re.IGNORECASE)
_HARMLESS_VALUES = frozenset(("", "0", "1", "true", "false", "t", "f", "yes", "no", "none", "auto", "simple"))
_ENCRYPTED = re.compile(r"\$(1|5|6|7|8)\$\S+")
_PEM = re.compile(r"-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----")
# The password of `scheme://user:password@host`, a header that signs in, a key of a cloud.
_INSIDE = re.compile(
    r"(?<=://)[^\s/:@\"']*:(?P<url>[^\s/@\"']+)(?=@)"
    r"|Authorization\"?\s*[:=]\s*\"?(?:Bearer|Basic|Splunk)\s+(?P<header>[^\s\"']{8,})"
    r"|(?P<cloud>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)",
    re.IGNORECASE,
)
_MENTIONED = re.compile(r"pass|secret|token|key|credential|\$[1-8]\$", re.IGNORECASE)


def redacted(conf: str, key: str, value: str, fingerprint: Fingerprint) -> str | None:
    """The value as it may be kept, None where it may be kept as it is."""
    kind = kind_of(conf, key, value)
    if kind is not None:
        return _instead(kind, value, fingerprint)
    if len(value) > 15 and ("://" in value or "uthorization" in value or "KIA" in value or "SIA" in value):
        inside = without_credentials(value, fingerprint)
        return None if inside == value else inside
    return None


def kind_of(conf: str, key: str, value: str) -> str | None:
    """Why a value is a secret as a whole: `encrypted`, `pem` or `plain`; None where it is none."""
    if value[:1] == "$" and _ENCRYPTED.fullmatch(value):
        return "encrypted"
    if value[:5] == "-----" and _PEM.match(value):
        return "pem"
    return "plain" if _is_named(conf, key) and value.lower() not in _HARMLESS_VALUES else None


# Files have the same few thousand names over and over.
@lru_cache(maxsize=1 << 15)
def _is_named(conf: str, key: str) -> bool:
    return _NAMED.search(key) is not None and conf not in _NOT_BY_NAME and not _HARMLESS_NAMES.match(key)


def without_credentials(text: str, fingerprint: Fingerprint) -> str:
    """A text whose URLs and headers hold no passwords."""

    def hide(found: re.Match[str]) -> str:
        secret = found[found.lastgroup or 0]
        start = found.start(found.lastgroup or 0) - found.start()
        return f"{found[0][:start]}{_instead('plain', secret, fingerprint)}{found[0][start + len(secret) :]}"

    return _INSIDE.sub(hide, text)


def may_hold_one(text: str) -> bool:
    """Whether a text that could not be read as a setting might hold a secret."""
    return _MENTIONED.search(text) is not None


def _instead(kind: str, value: str, fingerprint: Fingerprint) -> str:
    return f"<redacted {kind} length={len(value)} fingerprint={fingerprint(value)}>"
