"""How long a language model that fails is left alone."""

from datetime import timedelta

_FREE = 3
_FIRST = timedelta(seconds=30)
_LONGEST = timedelta(minutes=10)
_FOR_A_PERSON = timedelta(minutes=5)


def rest_after(failures: int, *, is_permanent: bool) -> timedelta | None:
    """How long nobody asks it after so many failures in a row, twice as long each time; None while that is no time.

    What only a person can change is not tried at once again, and a successful connection test ends every rest.
    """
    if is_permanent:
        return _FOR_A_PERSON
    if failures < _FREE:
        return None
    doublings = min(failures - _FREE, 10)
    return min(_LONGEST, _FIRST * (1 << doublings))
