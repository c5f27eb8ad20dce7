"""How much of a text fits into a box of a picture, where nobody can measure the font that will draw it."""

from unicodedata import combining

# Widths in ems as measured of DejaVu Sans, the widest of the fonts that `system-ui` usually is, rounded up.
_WIDTHS = {
    **dict.fromkeys("'ijlIJ ,./:;\\|-f\N{MIDDLE DOT}", 0.36),
    **dict.fromkeys("()[]tr!", 0.42),
    **dict.fromkeys('"*_`szc?', 0.55),
    **dict.fromkeys("w#+<=>^~", 0.84),
    **dict.fromkeys("mMW%@\N{HORIZONTAL ELLIPSIS}", 1.0),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ&", 0.79),
}
_OTHERS = 0.64
# The widest of Cyrillic; Chinese letters have 1.
_FOREIGN = 1.1
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def width(text: str) -> float:
    """How wide a text is at most, in ems."""
    return sum(map(_width, text))


def _width(letter: str) -> float:
    if letter in _WIDTHS or letter.isascii():
        return _WIDTHS.get(letter, _OTHERS)
    return 0.0 if combining(letter) else _FOREIGN


def shortened(text: str, room: float) -> str:
    """A text of at most `room` ems: of one that is wider its beginning and, as paths differ there, more of its end."""
    text = " ".join(text.split())
    if width(text) <= room:
        return text
    left = room - _WIDTHS[_CUT]
    head, tail = _fitting(text, left * 0.4), _fitting(text[::-1], left * 0.6)
    return f"{text[:head]}{_CUT}{text[len(text) - tail :]}"


def _fitting(text: str, room: float) -> int:
    """How many letters fit."""
    for count, letter in enumerate(text):
        room -= _width(letter)
        if room < 0:
            return count
    return len(text)
