"""RubyGems' versions (rubygems, Gem::Version#<=>): text is a pre-release and comes before nothing, which is zero."""

import re

from assay.domain.versions.encoding import number, text

# 1.2.0.rc1-java; Gem::Version::VERSION_PATTERN
_VERSION = re.compile(r"[vV]?([0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)")
_SEGMENT = re.compile(r"[0-9]+|[a-zA-Z]+")

# What may stand in one place, in ascending order; numbers follow.
_WORD = b"\x02"
_ZERO_BEFORE_WORD = b"\x03"
_END = b"\x04"


def encode(version: str) -> bytes:
    """The key; ValueError where Gem::Version finds the version malformed."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    segments = _SEGMENT.findall(match[1].replace("-", ".pre."))
    first_word = next((i for i, segment in enumerate(segments) if not segment[0].isdigit()), len(segments))
    pieces = [number(segment) for segment in _without_zeros(segments[:first_word])]
    pieces += _words(_without_zeros(segments[first_word:]))
    pieces.append(_END)
    return b"".join(pieces)


def _without_zeros(segments: list[str]) -> list[str]:
    while segments and not segments[-1].strip("0"):
        segments.pop()
    return segments


def _words(segments: list[str]) -> list[bytes]:
    """Zeros before a word have a mark of their own: `a.0.b` < `a.0.0.b` < `a` < `a.0.0.1`."""
    pieces: list[bytes] = []
    is_before_word = False
    for segment in reversed(segments):
        if not segment[0].isdigit():
            pieces.append(_WORD + text(segment))
            is_before_word = True
        elif segment.strip("0"):
            pieces.append(number(segment))
            is_before_word = False
        else:
            pieces.append(_ZERO_BEFORE_WORD if is_before_word else number(segment))
    pieces.reverse()
    return pieces
