"""Tasks: what may be one, and arguments that are checked before anything runs."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest

from assay.errors import Permanent
from assay.jobs.retrying import RetryPolicy
from assay.jobs.running import Running
from assay.jobs.task import Limits, Registry, task


class Place(msgspec.Struct, frozen=True):
    """A value with a shape."""

    name: str
    floor: int = 0


@task("test.everything", unique=("name",), subject="name")
def everything(
    _: Any,
    job: Running,
    *,
    name: str,
    kind: Literal["a", "b"] = "a",
    at: datetime | None = None,
    places: list[Place] = [],  # noqa: B006 - msgspec copies an empty list
) -> None:
    """Take every kind of argument."""


def test_arguments_survive_the_journey():
    at = datetime(2024, 5, 1, tzinfo=UTC)
    given = {"name": "x", "kind": "b", "at": at, "places": [Place("cellar", -1)]}
    kept = everything.encode(given)
    assert kept == {
        "name": "x",
        "kind": "b",
        "at": "2024-05-01T00:00:00Z",
        "places": [{"name": "cellar", "floor": -1}],
    }
    assert everything.decode(msgspec.json.decode(msgspec.json.encode(kept))) == given


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": 1},
        {"name": None},
        {"name": "x", "kind": "c"},
        {"name": "x", "unheard_of": 1},
        {"name": "x", "at": "yesterday"},
        {"name": "x", "places": [{"floor": 1}]},
    ],
)
def test_arguments_that_do_not_fit_are_refused(given):
    with pytest.raises(Permanent, match=r"test\.everything does not take"):
        everything.encode(given)


@pytest.mark.parametrize("value", ["postgresql://me:secret@db/x", "see https://a:b@example.org"])
def test_a_password_is_refused_wherever_it_is(value):
    with pytest.raises(Permanent, match="password"):
        everything.encode({"name": value})
    with pytest.raises(Permanent, match="password"):
        everything.encode({"name": "x", "places": [{"name": value}]})


@pytest.mark.parametrize("name", ["password", "api_key", "apikey", "auth_token", "client_secret", "dsn"])
def test_a_parameter_for_a_secret_is_refused(name):
    with pytest.raises(ValueError, match="secret"):
        _made(f"{name}: str")


@pytest.mark.parametrize("name", ["tokens_read", "keyword", "secretary", "passwords_checked"])
def test_a_parameter_that_only_sounds_like_one_is_not(name):
    assert name in _made(f"{name}: str").arguments.__struct_fields__


def _made(parameter: str, head: str = "ctx, job, *, ") -> Any:
    space: dict[str, Any] = {}
    exec(f"def one({head}{parameter}): ...", space)
    return task("test.one")(space["one"])


@pytest.mark.parametrize(
    ("parameter", "head", "says"),
    [
        ("n", "ctx, job, *, ", "no type"),
        ("n: int", "ctx, job, ", "keywords only"),
        ("n: int", "ctx, *, ", "keywords only"),
        ("**rest: int", "ctx, job, ", "keywords only"),
    ],
)
def test_a_function_of_another_shape_is_no_task(parameter, head, says):
    with pytest.raises(ValueError, match=says):
        _made(parameter, head)


@pytest.mark.parametrize("name", ["sync", "Advisories.sync", "a.", "a.b c", ".sync"])
def test_a_name_has_a_room(name):
    with pytest.raises(ValueError, match="name of a task"):
        task(name)(lambda ctx, job: None)


def test_what_unique_and_subject_name_must_be_there():
    with pytest.raises(ValueError, match="no argument 'place'"):
        task("test.one", unique=("place",))(lambda ctx, job: None)
    with pytest.raises(ValueError, match="no argument 'place'"):
        task("test.one", subject="place")(lambda ctx, job: None)


def test_locks():
    one, other = everything.encode({"name": "x"}), everything.encode({"name": "x", "kind": "b"})
    assert everything.locks_of(one)[0] == everything.locks_of(other)[0]
    assert everything.locks_of(one)[1] != everything.locks_of(other)[1]
    assert everything.locks_of(one)[0] != everything.locks_of(everything.encode({"name": "y"}))[0]
    long = everything.locks_of(everything.encode({"name": "x" * 10_000}))
    assert all(len(lock or "") < 200 for lock in long)
    assert everything.subject_of(one) == "x"


def test_limits():
    assert (Limits().soft, Limits().hard) == (3_300, 3_600)
    assert task("test.one", timeout=3_600)(lambda ctx, job: None).limits == Limits(3_300, 3_600)
    assert task("test.one", timeout=60)(lambda ctx, job: None).limits == Limits(55, 60)
    with pytest.raises(ValueError, match="soft limit"):
        Limits(soft=10, hard=5)


def test_a_deferral_may_change_its_priority_within_bounds():
    assert everything.having(priority=100).options.priority == 100
    with pytest.raises(Permanent, match="between"):
        everything.having(priority=101)


def test_a_registry_has_each_name_once():
    registry = Registry([everything])
    assert (list(registry), registry["test.everything"].retry, registry.queues) == (
        ["test.everything"],
        RetryPolicy(),
        ["default"],
    )
    with pytest.raises(ValueError, match="two tasks"):
        Registry([everything, everything])
