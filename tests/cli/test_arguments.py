"""What the words of a command line mean."""

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.bootstrap.loading import load_sources
from assay.cli import app
from assay.cli.arguments import (
    command_line,
    read_origins,
    requests_for,
    since_when,
    with_newest,
)
from assay.cli.catalog import AtLeast
from assay.domain.numbers import LARGEST_ID
from assay.errors import NotFound
from assay.settings import Settings

SEARCH = typer.main.get_command(app).commands["search"]
KNOWN = ("cve", "epss", "gitlab", "kev", "osv")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAIN = {"ecosystem": None, "replay": None, "full": False, "accept_loss": False}


@pytest.fixture(scope="module")
def sources():
    return load_sources(Settings())


@pytest.mark.parametrize(
    ("origins", "wanted", "found"),
    [
        ([], ["osv"], {}),
        (["all.zip"], ["osv"], {"osv": "all.zip"}),
        (["osv=all.zip"], ["osv"], {"osv": "all.zip"}),
        (["osv=all.zip", "kev=k.json"], ["kev", "osv"], {"osv": "all.zip", "kev": "k.json"}),
        # An address may hold `=`, and what stands before it may look like a source without being one.
        (["https://example.org/x?a=b"], ["kev"], {"kev": "https://example.org/x?a=b"}),
        (["kev=https://example.org/x?osv=b"], ["kev", "osv"], {"kev": "https://example.org/x?osv=b"}),
        (["ovs=all.zip"], ["osv"], {"osv": "ovs=all.zip"}),
    ],
)
def test_an_address_belongs_to_its_source(origins, wanted, found):
    assert read_origins(origins, wanted, KNOWN) == found


@pytest.mark.parametrize(
    ("origins", "wanted", "said"),
    [
        (["all.zip"], ["osv", "kev"], "--from SOURCE=all.zip"),
        (["ovs=all.zip"], ["osv", "kev"], "--from SOURCE=ovs=all.zip"),
        (["https://example.org/x?a=b"], list(KNOWN), "for which source"),
        (["kev=k.json"], ["osv"], "kev is not among"),
        (["osv=a.zip", "osv=b.zip"], ["osv"], "one place only"),
        (["a.zip", "b.zip"], ["osv"], "one place only"),
        (["osv="], ["osv"], "is empty"),
    ],
)
def test_an_address_that_is_nobodys_is_refused(origins, wanted, said):
    with pytest.raises(typer.BadParameter, match=said.replace("?", r"\?")):
        read_origins(origins, wanted, KNOWN)


@given(
    st.text(st.characters(exclude_characters="=", codec="utf-8"), max_size=12),
    st.text(min_size=1, max_size=20),
)
def test_only_a_known_source_is_cut_off(before, after):
    origin = f"{before}={after}"
    if before in KNOWN:
        assert read_origins([origin], [before], KNOWN) == {before: after}
    else:
        assert read_origins([origin], ["osv"], KNOWN) == {"osv": origin}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["osv", "--replay"], ["osv", "--replay", "newest"]),
        (["--replay", "osv"], ["--replay", "newest", "osv"]),
        (["--replay", "--full"], ["--replay", "newest", "--full"]),
        (["osv", "--replay", "815eb379f058"], ["osv", "--replay", "815eb379f058"]),
        (["osv", "--replay=815eb379f058"], ["osv", "--replay=815eb379f058"]),
        (["osv", "--replay", "newest"], ["osv", "--replay", "newest"]),
        (["osv", "--full"], ["osv", "--full"]),
    ],
)
def test_replay_may_stand_alone(typed, meant):
    assert with_newest(typed) == meant
    assert with_newest(meant) == meant


def test_without_a_name_all_sources_are_meant(sources):
    assert list(requests_for(sources, [], [], **PLAIN)) == list(sources)
    assert list(requests_for(sources, ["kev", "osv", "kev"], [], **PLAIN)) == ["kev", "osv"]


def test_an_ecosystem_leaves_out_what_has_none(sources):
    wanted = requests_for(sources, [], [], **(PLAIN | {"ecosystem": "PyPI"}))
    assert {name: request.scope for name, request in wanted.items()} == {"osv": "PyPI"}
    with pytest.raises(typer.BadParameter, match="gitlab is published as a whole"):
        requests_for(sources, ["osv", "gitlab"], [], **(PLAIN | {"ecosystem": "PyPI"}))


def test_a_replay_is_of_one_source_or_of_the_newest(sources):
    newest = requests_for(sources, ["osv", "kev"], [], **(PLAIN | {"replay": "newest"}))
    assert {request.replay for request in newest.values()} == {""}
    named = requests_for(sources, ["osv"], [], **(PLAIN | {"replay": "815eb3"}))
    assert named["osv"].replay == "815eb3"
    with pytest.raises(typer.BadParameter, match="one source"):
        requests_for(sources, ["osv", "kev"], [], **(PLAIN | {"replay": "815eb3"}))
    with pytest.raises(typer.BadParameter, match="takes no --from"):
        requests_for(sources, ["osv"], ["all.zip"], **(PLAIN | {"replay": "newest"}))


def test_an_unknown_source_is_not_found(sources):
    with pytest.raises(NotFound, match=r"'ovs'; there are cve, epss, gitlab, kev, osv"):
        requests_for(sources, ["ovs"], [], **PLAIN)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        ("2w", NOW - timedelta(days=14)),
        ("1y", NOW - timedelta(days=365)),
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T10:00:00+02:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        (" 2024-05-01T10:00Z ", datetime(2024, 5, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_or_an_age(text, moment):
    assert since_when(text, NOW) == moment


@pytest.mark.parametrize("text", ["yesterday", "", "7", "d", "-7d", "2024-13-01", "99999999d", "99999y"])
def test_no_moment_is_refused(text):
    with pytest.raises(typer.BadParameter, match="neither a date"):
        since_when(text, NOW)


_words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(_words, max_size=3),
    package=st.none() | _words,
    severity=st.none() | st.sampled_from(AtLeast),
    kev=st.booleans(),
    limit=st.integers(1, 1000),
    min_epss=st.none() | st.floats(0, 1),
    cursor=_words,
)
def test_the_command_for_the_next_page_asks_the_same(
    *, words, package, severity, kev, limit, min_epss, cursor
):
    """Typed into a shell, it comes back as the same arguments with the new cursor."""
    asked = {
        "words": words or (),
        "package": package,
        "severity": severity,
        "kev": kev,
        "min_epss": min_epss,
        "limit": limit,
        "cursor": "of the page before",
        "as_json": False,
    }
    program, command, *arguments = shlex.split(command_line(asked, cursor))
    assert (program, command) == ("assay", "search")
    with SEARCH.make_context("search", arguments) as context:
        assert context.params == {**context.params, **asked, "cursor": cursor}


def every_option(group: Any, path: str = "assay") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_option(command, f"{path} {name}")
        for param in command.params:
            yield f"{path} {name} {param.name}", param


def test_no_number_is_larger_than_the_database_can_look_for():
    numbers = [
        (name, param.max)
        for name, param in every_option(typer.main.get_group(app))
        if param.type_descriptor.annotation in (int, list[int], int | None, list[int] | None)
    ]
    assert len(numbers) > 20
    assert not [name for name, most in numbers if most is None or most > LARGEST_ID]
