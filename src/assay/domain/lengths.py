"""Lengths of time as people type them: `90s`, `15m`, `6h`, `3d`."""

from datetime import timedelta

_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_MOST_DIGITS = 7


def read_length(said: str) -> timedelta:
    """The length of time. Raises ValueError that says how one is written."""
    number, unit = said.strip()[:-1].strip(), said.strip()[-1:]
    if not (number.isdecimal() and number.isascii() and len(number) <= _MOST_DIGITS and unit in _UNITS):
        raise ValueError(f"{said[:40]!r} is no length of time such as 90s, 15m, 6h or 3d")
    return timedelta(seconds=int(number) * _UNITS[unit])


def typed_length(seconds: int) -> str:
    """The same as people type it, in the largest unit that fits."""
    unit, size = next((unit, size) for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"
