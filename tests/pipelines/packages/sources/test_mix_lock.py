"""mix.lock: Elixir terms, old and new tuples, and what is no Elixir."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin
from assay.pipelines.packages.sources.mix_lock import FORMAT

INNER, OUTER = "11" * 32, "00" * 32
SRI = f"sha256-{'A' * 43}="


def read(content: str) -> Inventory:
    return FORMAT.read("mix.lock", content.encode())


def test_tuples_of_every_age():
    found = read(f"""\
# comment
%{{
  "app": {{:hex, :real_app, "1.0.0", "{INNER}", [:mix, :rebar3], [{{:part, "~> 1.0 or ~> 2.0", [hex: :part]}}, \
{{:gone, ">= 0.0.0", [hex: :gone, optional: true]}}], "hexpm", "{OUTER}"}},
  "part" => {{:hex, :part, "2.0.0", "{INNER}", [:mix], [], "acme"}},
  older: {{:hex, :older, "0.1.0", "{INNER}"}},
  "oldest": {{:hex, :"oldest", "0.0.1"}},
  "forked": {{:git, "https://git.example.org/forked.git", "{"a" * 40}", [branch: "ma\\"in", depth: 1, sparse: nil]}},
}}
""")
    packages = {package.key: package for package in found.packages}
    assert found.faults == ()
    app, part = packages["app"], packages["part"]
    assert (app.name, app.alias, app.version, app.place) == ("real_app", "app", "1.0.0", "line 3")
    assert app.purl == "pkg:hex/real_app@1.0.0"
    # What is not locked was optional and is not used.
    assert app.requires == ("part",)
    assert app.integrity == (SRI,)
    assert (part.origin, part.resolved, part.place) == (Origin.OTHER_REGISTRY, "acme", "line 4")
    assert part.integrity == packages["older"].integrity == (f"hex-inner:{INNER}",)
    assert packages["oldest"].integrity == ()
    forked = packages["forked"]
    assert (forked.origin, forked.version, forked.commit) == (Origin.GIT, None, "a" * 40)


def test_wrong_entries_are_named_and_the_others_stand():
    found = read('%{"a": {:hex, :a, "1"}, "b": {:hex, 1}, "c": 3, "d": {:svn, "x", "y"}, :e}\n')
    assert [package.key for package in found.packages] == ["a"]
    assert [fault.reason for fault in found.faults] == [
        "wrong-type",
        "wrong-type",
        "unknown-source",
        "wrong-type",
    ]


def test_an_edge_to_what_could_not_be_read_is_left_out():
    found = read('%{"a": {:hex, :a, "1", "x", [], [{:b, "1", []}]}, "b": 3}')
    assert found.packages[0].requires == ()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "{",
        "%{",
        "%{]",
        "}",
        '%{"a": }',
        '%{"a" => 1',
        "%{=> 1}",
        '%{"a',
        "%{} %{}",
        "%{1 => 2",
        '%{"a": "b": 1}',
        "%{;}",
    ],
)
def test_what_is_no_elixir(content: str):
    with pytest.raises(BadRecord) as bad:
        read(content)
    assert bad.value.reason == "not-elixir"


def test_depth_and_other_terms():
    with pytest.raises(BadRecord) as bad:
        read("%{" + "[" * 100_000)
    assert bad.value.reason == "too-deep"
    with pytest.raises(BadRecord) as bad:
        read("[1, 2]")
    assert bad.value.reason == "not-mix-lock"
    assert read("%{}\n").packages == ()
