"""Text as it is kept: decoded, without characters that nobody sees or that turn the direction of writing, and tidy."""

import codecs
import re

_ANY = re.compile(r"[^\n\x20-\x7e\xa1-\xac\xae-\u02ff]")
# Unicode: controls, soft hyphen, zero-width, direction marks and overrides, fillers, variation selectors, tags.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Those that no keyboard and no editor leaves behind by accident: overrides of direction, and tags.
_HIDDEN = re.compile("[\u202d\u202e\U000e0000-\U000e007f]")
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_BLANKS = re.compile("[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_ENDS = re.compile(r" +(?=\n|$)")
_GAPS = re.compile(r"\n{3,}")
_HALF = re.compile("[\ud800-\udfff]")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)

LONGEST = 200_000
"""Of an entry's text this many characters are read."""
MOST_BYTES = 4_000_000
"""Of an entry's bytes; markup takes more room than the text in it."""


def decoded(raw: bytes, media_type: str) -> str:
    """The bytes as text: by their mark, else the charset that is named for them, else UTF-8 or Windows-1252."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, "replace")
    named = _CHARSET.search(media_type)
    meta = None if named else _META.search(raw[:2_048])
    name = named[1] if named else meta[1].decode("ascii") if meta else ""
    if name:
        found = in_charset(raw, name)
        if found is not None:
            return found
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        # One broken character at the cut end, or here and there, is UTF-8 all the same.
        if (
            problem.start > 3
            and raw.count(b"\xef\xbf\xbd") == 0
            and any(byte >= 0x80 for byte in raw[: problem.start])
        ):
            return raw.decode("utf-8", "replace")
        return raw.decode("cp1252", "replace")


def in_charset(raw: bytes, name: str) -> str | None:
    """The bytes in a named charset; None for a name that is none of a text's (`hex`, `utf-99`)."""
    try:
        info = codecs.lookup(name)
        if not info._is_text_encoding:  # noqa: SLF001 - the only place where Python says that `hex` decodes no text
            return None
        if info.name in {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}:
            return None
        # The standard of the web reads ASCII and Latin-1 as Windows-1252 (WHATWG Encoding, 4.2).
        chosen = "cp1252" if info.name in {"ascii", "iso8859-1"} else info.name
        return raw.decode(chosen, "replace")
    except (LookupError, ValueError, UnicodeError):
        return None


def seen(text: str) -> tuple[str, int, int]:
    """The text without characters that nobody sees, how many those were, and how many of them are there to hide."""
    if _ANY.search(text) is None:
        return text, 0, 0
    text = _HALF.sub("\ufffd", _BREAKS.sub("\n", text))
    hidden = len(_HIDDEN.findall(text))
    text, removed = _UNSEEN.subn("", text)
    return text, removed, hidden


def tidy(text: str) -> str:
    """Blanks of all kinds as plain ones, none at the ends of lines, at most one empty line, nothing around it."""
    text = _ENDS.sub("", _BLANKS.sub(" ", text))
    return _GAPS.sub("\n\n", text).strip(" \n")
