"""Real files of every format read as their golden files say, and files made of them never raise anything else.

`samples/<format>/<name>.zip` holds a file and its `golden.json`, which tools/write_inventories.py writes.
"""

import random
import zipfile
from pathlib import Path

import msgspec
import pytest
from packageurl import PackageURL

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory
from assay.pipelines.packages.sources import discover

FOLDER = Path(__file__).parent / "samples"
SAMPLES = sorted(FOLDER.glob("*/*.zip"))
GOLDEN = "golden.json"
# A larger file is cut down before it is changed at random: what differs is its beginning, not its length.
MOST_CHANGED = 60_000
CHANGES = 12


def sample(archive: Path) -> tuple[str, bytes, bytes]:
    """Name, content and golden file of a sample."""
    with zipfile.ZipFile(archive) as packed:
        (name,) = [member for member in packed.namelist() if member != GOLDEN]
        return name, packed.read(name), packed.read(GOLDEN)


def named(archive: Path) -> str:
    return f"{archive.parent.name}/{archive.stem}"


@pytest.mark.parametrize("archive", SAMPLES, ids=named)
def test_a_real_file_reads_as_its_golden_file_says(archive: Path):
    name, content, golden = sample(archive)
    found = discover()[archive.parent.name].read(name, content)
    expected = msgspec.json.decode(golden, type=Inventory)
    assert found.packages == expected.packages
    assert found == expected


@pytest.mark.parametrize("archive", SAMPLES, ids=named)
def test_an_inventory_is_sound(archive: Path):
    golden = msgspec.json.decode(sample(archive)[2], type=Inventory)
    assert golden.format == archive.parent.name
    assert golden.packages
    keys = [package.key for package in golden.packages]
    assert len(keys) == len(set(keys))
    for package in golden.packages:
        assert PackageURL.from_string(package.purl).name
        assert package.place
        assert set(package.requires) <= set(keys)
        assert package.key not in package.requires


@pytest.mark.parametrize("archive", SAMPLES, ids=named)
def test_the_format_is_recognised_and_no_other(archive: Path):
    _, content, _ = sample(archive)
    recognised = {
        form.name for form in discover().values() if form.recognises and form.recognises(content[:4096])
    }
    assert recognised <= {archive.parent.name}


@pytest.mark.parametrize("archive", SAMPLES, ids=named)
def test_a_changed_file_gives_an_inventory_or_a_bad_record(archive: Path):
    name, content, _ = sample(archive)
    read = discover()[archive.parent.name].read
    chance = random.Random(archive.stem)
    for _ in range(CHANGES):
        try:
            found = read(name, changed(content[:MOST_CHANGED], chance))
        except BadRecord:
            continue
        assert msgspec.json.decode(msgspec.json.encode(found), type=Inventory) == found


def changed(content: bytes, chance: random.Random) -> bytes:
    """The content with a few lines or bytes left out, doubled, swapped or replaced."""
    lines = content.split(b"\n")
    for _ in range(chance.randint(1, 4)):
        here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
        kind = chance.randrange(6)
        if kind == 0:
            del lines[here]
            lines.append(b"")
        elif kind == 1:
            lines.insert(here, lines[there])
        elif kind == 2:
            lines[here], lines[there] = lines[there], lines[here]
        elif kind == 3:
            lines[here] = lines[here].replace(b'"', b"", 1)
        elif kind == 4:
            digits = bytes([chance.choice(b'0{}[]:,"\\\x00#\xff')])
            at = chance.randrange(len(lines[here]) + 1)
            lines[here] = lines[here][:at] + digits + lines[here][at:]
        else:
            value = chance.choice((b" null", b" 5", b" []", b" {}", b" true", b' "x"'))
            before, colon, _ = lines[here].partition(b":")
            lines[here] = before + colon + value + (b"," if lines[here].endswith(b",") else b"")
    return b"\n".join(lines)
