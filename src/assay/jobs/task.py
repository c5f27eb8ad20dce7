"""Tasks: functions that run later, in another process, with arguments that were checked when they were deferred."""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import msgspec

from assay.errors import Permanent
from assay.jobs.model import DEFAULT_QUEUE, HARD_SECONDS, HIGHEST, LOWEST, SOFT_SECONDS
from assay.jobs.retrying import RetryPolicy
from assay.jobs.running import Running

P = ParamSpec("P")
Needs = TypeVar("Needs")

# Matches `advisories.sync`: the room, then what is done.
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_.]*")
# Names of parameters that would carry a secret into a table that many may read.
_SECRET = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|token|credential|credentials|api_?key|private_key|dsn|cookie)(_|$)"
)
# Matches the "user:password@" of a URL.
_CREDENTIALS = re.compile(r"://[^\s/@:]*:[^\s/@]+@")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds a task may take: past `soft` it is asked to end, past `hard` its process is ended."""

    soft: float = SOFT_SECONDS
    hard: float = HARD_SECONDS

    def __post_init__(self) -> None:
        if not 0 < self.soft <= self.hard:
            raise ValueError("a soft limit is more than nothing, and not over the hard limit")


@dataclass(frozen=True, slots=True)
class Options:
    """What one deferral changes about its task."""

    key: str | None = None
    priority: int | None = None
    delay_seconds: float = 0.0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Task(Generic[P]):
    """A function that runs later. `options` hold for deferrals made with this very object."""

    name: str
    function: Callable[..., Any]
    arguments: type[msgspec.Struct]
    queue: str
    retry: RetryPolicy
    limits: Limits
    priority: int
    unique: tuple[str, ...] | None
    subject: str | None
    step: str | None = None
    options: Options = field(default_factory=Options)

    def having(
        self,
        *,
        key: str | None = None,
        priority: int | None = None,
        delay_seconds: float = 0.0,
        not_before: datetime | None = None,
    ) -> "Task[P]":
        """This task, deferred otherwise.

        With a key (of any text) the same key deferred again is the same job, for as long as that is kept and was not
        cancelled. Higher priorities go first, from -100 to 100. It starts at the later of both times.
        """
        if priority is not None and not LOWEST <= priority <= HIGHEST:
            raise Permanent(f"a priority lies between {LOWEST} and {HIGHEST}, not at {priority}")
        return replace(self, options=Options(key, priority, delay_seconds, not_before))

    def encode(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as JSON has them. Raises Permanent for arguments that the task does not take, or may not."""
        plain = msgspec.to_builtins(dict(given), str_keys=True)
        kept: dict[str, Any] = msgspec.to_builtins(self._checked(plain))
        for name, value in kept.items():
            if _holds_password(value):
                raise Permanent(
                    f"{self.name}: the argument {name} holds a password, and arguments can be read by many: "
                    "put it into the settings"
                )
        return kept

    def decode(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them. Raises Permanent for arguments that do not fit it (any more)."""
        checked = self._checked(dict(kept))
        return {name: getattr(checked, name) for name in self.arguments.__struct_fields__}

    def _checked(self, plain: Any) -> msgspec.Struct:
        try:
            return msgspec.convert(plain, self.arguments, strict=True)
        except (msgspec.ValidationError, TypeError) as error:
            raise Permanent(f"{self.name} does not take these arguments: {error}") from error

    def subject_of(self, kept: Mapping[str, Any]) -> str | None:
        """What a job with these arguments is about."""
        value = None if self.subject is None else kept.get(self.subject)
        return None if value is None else str(value)

    def locks_of(self, kept: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """Of jobs with the same first lock one runs at a time, of those with the same second one waits."""
        if self.unique is None:
            return None, None
        shared, every = ({name: kept.get(name) for name in names} for names in (self.unique, sorted(kept)))
        return _lock(self.name, shared), _lock(self.name, every)


def _lock(name: str, values: Mapping[str, Any]) -> str:
    text = msgspec.json.encode(values, order="sorted")
    # An index entry holds 2,700 bytes at most, and people read the short ones.
    said = text.decode() if len(text) <= 500 else hashlib.sha256(text).hexdigest()
    return f"{name}{said}"


def _holds_password(value: Any) -> bool:
    if isinstance(value, str):
        return _CREDENTIALS.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(_holds_password, value.values()))
    return isinstance(value, list) and any(map(_holds_password, value))


def task(
    name: str,
    *,
    queue: str = DEFAULT_QUEUE,
    retry: RetryPolicy | None = None,
    timeout: float | Limits | None = None,
    priority: int = 0,
    unique: bool | Iterable[str] = False,
    subject: str | None = None,
    step: str | None = None,
) -> Callable[[Callable[Concatenate[Needs, Running, P], None]], Task[P]]:
    """Make a task of a function `(needs, job, *, ...)`; its keyword parameters are the arguments of a deferral.

    `timeout` are seconds until the hard limit, the soft limit being 5 minutes, or a twelfth, earlier. With `unique`
    one job runs at a time, of all or of those that share the named arguments, and a job deferred with the same
    arguments as one that waits is that one. `subject` names the argument by which people know a job. With `step` the
    task writes a row of the run ledger of this step and its subject, and where it could not one is written for it.
    """

    def make(function: Callable[Concatenate[Needs, Running, P], None]) -> Task[P]:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a task: room, dot, what it does, in small letters")
        arguments = _arguments(name, function)
        names = arguments.__struct_fields__
        locked = None if unique is False else () if unique is True else tuple(unique)
        unheard = [one for one in (*(locked or ()), *([subject] if subject else [])) if one not in names]
        if unheard:
            raise ValueError(f"{name} has no argument {unheard[0]!r}")
        if step is not None and subject is None:
            raise ValueError(f"{name} has a step of the run ledger and no subject")
        return Task(
            name=name,
            function=function,
            arguments=arguments,
            queue=queue,
            retry=retry or RetryPolicy(),
            limits=_limits(timeout),
            priority=priority,
            unique=locked,
            subject=subject,
            step=step,
        )

    return make


def _limits(timeout: float | Limits | None) -> Limits:
    if timeout is None:
        return Limits()
    if isinstance(timeout, Limits):
        return timeout
    return Limits(soft=max(timeout - 300, timeout * 11 / 12), hard=timeout)


def _arguments(name: str, function: Callable[..., Any]) -> type[msgspec.Struct]:
    """The keyword parameters of a function as a type that checks values. Raises ValueError for what cannot be."""
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    taken = [one for one in parameters if one.kind is one.KEYWORD_ONLY]
    if [one for one in parameters if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)] or (
        len(parameters) - len(taken) != 2
    ):
        raise ValueError(f"{name}: a task takes what it needs, its job, and then keywords only")
    fields: list[Any] = []
    for one in taken:
        if one.annotation is one.empty:
            raise ValueError(f"{name}: the argument {one.name} has no type")
        if _SECRET.search(one.name):
            raise ValueError(f"{name}: {one.name} looks like a secret, which never travels in arguments")
        fields.append(
            (one.name, one.annotation)
            if one.default is one.empty
            else (one.name, one.annotation, one.default)
        )
    return msgspec.defstruct(
        f"Arguments_{name}", fields, kw_only=True, forbid_unknown_fields=True, frozen=True
    )


class Registry(Mapping[str, Task[Any]]):
    """Every task of a program by name, made where everything meets and handed to those who run them."""

    def __init__(self, tasks: Iterable[Task[Any]]) -> None:
        self._tasks: dict[str, Task[Any]] = {}
        for one in tasks:
            if one.name in self._tasks:
                raise ValueError(f"two tasks are called {one.name}")
            self._tasks[one.name] = one

    def __getitem__(self, name: str) -> Task[Any]:
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def queues(self) -> list[str]:
        """Every queue that some task uses."""
        return sorted({one.queue for one in self._tasks.values()})
