"""Long work, said in lines and shown in bars."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from assay.cli.progress import Bars, Lines, amount


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def lines(clock, said) -> Lines:
    return Lines(frozenset({"gitlab"}), said.append, clock)


@pytest.mark.parametrize(
    ("step", "done", "total", "shown"),
    [
        ("fetch", 500, None, "500 bytes"),
        ("fetch", 1_200_000, 36_000_000, "1.2 MB of 36.0 MB"),
        ("fetch", 36_000_000, 36_000_000, "36.0 MB"),
        ("changes", 3, 40, "3 of 40 objects"),
        ("read", 12_000, 35_304, "12,000 of 35,304 records"),
        ("merge", 2_376, 2_376, "2,376 claims"),
    ],
)
def test_each_step_counts_its_own(step, done, total, shown):
    assert amount(step, done, total) == shown


def test_git_counts_what_nobody_knows():
    assert amount("fetch", 50, 200, is_repository=True) == "25%"
    assert amount("fetch", 50, None, is_repository=True) == "50"


def test_a_step_is_told_when_it_ends(lines, said, clock):
    lines.report("osv", "fetch", 0, None)
    lines.report("osv", "read", 0, 1000)
    clock.now += 2
    lines.report("osv", "read", 1000, 1000)
    assert said == []
    lines.report("catalog", "merge", 0, 2376)
    assert said == ["osv: read 1,000 records, 2.0 s"]
    lines.report("catalog", "merge", 2376, 2376)
    lines.end()
    assert said[1:] == ["catalog: merge 2,376 claims, 0.0 s"]
    lines.end()
    assert len(said) == 2


def test_a_long_step_is_told_now_and_then(lines, said, clock):
    for done in range(0, 30_000, 100):
        lines.report("gitlab", "fetch", done, 30_000)
        clock.now += 0.1
    assert len(said) == 5
    assert said[0] == "gitlab: fetch 17%"


def test_a_step_that_has_not_begun_is_told_after_a_while(lines, said, clock):
    lines.report("osv", "fetch", 0, None)
    clock.now += 6
    lines.report("osv", "fetch", 0, None)
    assert said == ["osv: fetch"]


def test_bars_stay_with_what_was_done():
    target = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    columns = TextColumn("{task.description}|{task.fields[amount]}|{task.percentage:.0f}")
    with Progress(columns, console=target, auto_refresh=False) as progress:
        bars = Bars(progress, frozenset())
        bars.report("osv", "fetch", 0, None)
        bars.report("osv", "read", 0, 1000)
        bars.report("osv", "read", 1000, 1000)
        bars.report("kev", "read", 40, 100)
        bars.report("catalog", "merge", 0, 0)
        bars.end()
        rows = [
            (task.description.split(), task.fields["amount"], task.percentage)
            for task in progress.tasks
            if task.visible
        ]
    # A fetch that had nothing to do is gone, one that failed half-way stands where it stood.
    assert rows == [(["osv", "read"], "1,000 records", 100), (["kev", "read"], "40 of 100 records", 40)]
