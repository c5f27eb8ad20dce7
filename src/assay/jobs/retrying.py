"""What becomes of a job after an attempt: pure decisions, made of the error and of what happened before."""

import random
import re
import traceback
from dataclasses import dataclass

from assay.errors import BadRecord, Forbidden, NotFound, Permanent
from assay.jobs.model import AttemptEnd, Cancelled
from assay.kit.db import writable

# Longer texts are cut in the middle: the beginning says where, the end says what.
_LONGEST_ERROR = 4_000
_LONGEST_TRACEBACK = 20_000
# Matches the "user:password@" of a URL.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+@")
_HOPELESS = (Permanent, BadRecord, NotFound, Forbidden)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a job is tried again, and after how long.

    Before retry n (from 0) it waits between nothing and `base_seconds` doubled n times, `cap_seconds` at most, each
    length equally likely ("full jitter"): jobs that failed together do not come back together.
    """

    retries: int = 3
    base_seconds: float = 60.0
    cap_seconds: float = 600.0

    def __post_init__(self) -> None:
        if self.retries < 0 or self.base_seconds < 0 or self.cap_seconds < 0:
            raise ValueError("a retry policy counts from 0 upwards")

    def longest(self, retry: int) -> float:
        """The most seconds to wait before a retry, counted from 0."""
        # 2.0 ** 1024 overflows; the cap is reached long before.
        return min(self.cap_seconds, self.base_seconds * 2.0 ** min(retry, 60))

    def delay(self, retry: int, dice: random.Random) -> float:
        """Seconds to wait before a retry, counted from 0."""
        return dice.uniform(0, self.longest(retry))


NEVER = RetryPolicy(retries=0)


@dataclass(frozen=True, slots=True)
class Told:
    """An error as it is kept with the attempt."""

    kind: str
    message: str
    traceback: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a job. `retry_in` is None when it is given up or cancelled; `charge` are attempts used up."""

    end: AttemptEnd
    retry_in: float | None
    charge: int
    told: Told
    is_cancelled: bool = False


def may_work_later(error: BaseException) -> bool:
    """Whether another attempt makes sense.

    Only errors that say themselves that nothing will change are hopeless; what is neither passing nor hopeless is a
    bug or a machine in trouble (a full disk, no memory), and three more attempts cost little.
    """
    return not isinstance(error, _HOPELESS)


def after_error(error: BaseException, attempts: int, max_retries: int, wait: float) -> Verdict:
    """What becomes of a job whose task raised; `attempts` failed before, `wait` is the policy's next delay."""
    told = tell(error)
    if isinstance(error, Cancelled):
        return Verdict(AttemptEnd.CANCELLED, None, 0, told, is_cancelled=True)
    is_tried_again = may_work_later(error) and attempts < max_retries
    return Verdict(AttemptEnd.ERROR, wait if is_tried_again else None, 1, told)


def after_crash(
    *, attempts: int, crashes: int, max_retries: int, beside: int, wait: float
) -> tuple[int, float | None]:
    """(attempts used up, seconds to wait or None) for a job whose process died.

    `crashes` happened before this one; `beside` other jobs ran in the same process. Whose fault it was is then not
    known, so it costs none of them an attempt, but nobody survives twice as many crashes as it has attempts: a job
    that kills its process each time always ends in the dead letters. The first crash is tried again at once: most
    often the machine was restarted.
    """
    charge = 0 if beside else 1
    if attempts + charge > max_retries or crashes + 1 > 2 * (max_retries + 1):
        return charge, None
    return charge, 0.0 if crashes == 0 else wait


def tell(error: BaseException) -> Told:
    """An error in words, without what looks like a password and without what PostgreSQL cannot keep."""
    kind = type(error)
    name = (
        kind.__name__
        if kind.__module__ in ("builtins", "assay.errors")
        else f"{kind.__module__}.{kind.__name__}"
    )
    said = str(error).strip() or name
    frames = "".join(traceback.format_exception(error))
    return Told(name, cleaned(said, _LONGEST_ERROR), cleaned(frames, _LONGEST_TRACEBACK))


def cleaned(text: str, longest: int = _LONGEST_ERROR) -> str:
    """The text without passwords in URLs, NUL and half surrogate pairs, cut in its middle when it is too long."""
    text = writable(_CREDENTIALS.sub("***@", text))
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters ...]\n{text[-half:]}"
