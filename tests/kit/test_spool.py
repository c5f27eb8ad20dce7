"""The spool: what was set down is found, and what is not as it was set down is not there."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Permanent
from assay.kit.spool import Place, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "home" / "spool")


@given(items=st.lists(st.binary(max_size=200), max_size=20))
def test_what_was_set_down_is_found(tmp_path_factory: pytest.TempPathFactory, items: list[bytes]):
    spool = Spool(tmp_path_factory.mktemp("spool"))
    places = spool.put(items)
    spool.put([b"of another part"])
    assert spool.get(dict(enumerate(places))) == dict(enumerate(items))


def test_another_process_finds_it_by_its_place_alone(spool: Spool, tmp_path: Path):
    (place,) = spool.put([b"a reading"])
    assert Spool(tmp_path / "home" / "spool").get({7: Place(*place)}) == {7: b"a reading"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: os.truncate(file, 12),
        lambda file: file.write_bytes(b"\0" * file.stat().st_size),
        lambda file: file.write_bytes(b""),
    ],
    ids=["removed", "cut short", "holes", "empty"],
)
def test_what_is_not_as_it_was_set_down_is_not_there(spool: Spool, tmp_path: Path, damage):
    damaged, sound = spool.put([b"the first reading", b"the second"]), spool.put([b"elsewhere"])
    damage(tmp_path / "home" / "spool" / damaged[0].file)
    assert spool.get({1: damaged[0], 2: damaged[1], 3: sound[0]}) == {3: b"elsewhere"}


def test_what_is_dropped_is_gone_and_nothing_else(spool: Spool):
    (first,) = spool.put([b"first"])
    before = spool.names()
    (second,) = spool.put([b"second"])
    spool.drop([*before, "never there"])
    assert spool.get({1: first, 2: second}) == {2: b"second"}
    assert spool.names() == [second.file]


def test_there_is_nothing_before_the_first_word(spool: Spool):
    assert spool.names() == []
    assert spool.get({1: Place("no such file", 0, 5, 0)}) == {}


def test_a_place_that_cannot_be_written_says_which(tmp_path: Path):
    (tmp_path / "spool").write_bytes(b"a file")
    with pytest.raises(Permanent, match="spool"):
        Spool(tmp_path / "spool").put([b"a reading"])
