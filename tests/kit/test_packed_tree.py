"""Uploads of every packing, and hostile ones: nothing is written, nothing grows, and each ends in a sentence."""

import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from assay.errors import Permanent
from assay.kit.budget import Budget, UnpackLimits
from assay.kit.packed_tree import Found, walk

CONF = "app/default/inputs.conf"
OTHER = "app/bin/run.py"


def tarred(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def special(kind: bytes, name: str = "app/default/x.conf", link: str = "/etc/passwd") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        archive.addfile(info)
    return out.getvalue()


def header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """A header of a tar with any size field; tarfile would not write those."""
    block = bytearray(512)
    block[: len(name)] = name
    block[124 : 124 + len(size)] = size
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


Walk = Callable[..., list[Found]]


@pytest.fixture
def walked(tmp_path: Path) -> Walk:
    def run(content: bytes, name: str = "upload", **limits: float) -> list[Found]:
        path = tmp_path / "upload"
        path.write_bytes(content)
        budget = Budget(UnpackLimits(**limits), len(content))  # type: ignore[arg-type]  # each test names numbers
        return list(walk(path, name, lambda member: member.endswith(".conf"), budget))

    yield run
    # Nothing was unpacked beside the upload.
    assert [path.name for path in tmp_path.rglob("*")] in ([], ["upload"])


FILES = {CONF: b"[s]\nk = v\n", OTHER: b"print()"}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "tar": lambda content: content,
    "tar.gz": gzip.compress,
    "tar.zst": lambda content: zstandard.ZstdCompressor().compress(content),
    "tar.xz": lzma.compress,
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_of_a_tar(walked, packing):
    found = walked(PACKINGS[packing](tarred(FILES)))
    assert found == [Found(CONF, 10, FILES[CONF]), Found(OTHER, 7)]


@pytest.mark.parametrize("packing", PACKINGS)
def test_two_streams_behind_each_other_are_one(walked, packing):
    whole = tarred(FILES)
    pack = PACKINGS[packing]
    assert len(walked(pack(whole[:700]) + pack(whole[700:]))) == 2


def test_a_zip(walked):
    assert walked(zipped(FILES)) == [Found(CONF, 10, FILES[CONF]), Found(OTHER, 7)]


def test_one_file(walked):
    assert walked(b"[s]\nk = v\n", "inputs.conf") == [Found("inputs.conf", 10, b"[s]\nk = v\n")]
    assert walked(b"", "inputs.conf") == [Found("inputs.conf", 0, b"")]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_long_names_in_every_format(walked, form):
    name = "/".join(["folder" * 4] * 5) + "/default/inputs.conf"
    assert [one.name for one in walked(tarred({name: b"k = v\n"}, form))] == [name]


def test_packages_inside_are_read_in_place(walked):
    package = gzip.compress(tarred(FILES))
    found = walked(tarred({"apps/one.tgz": package, "apps/two.spl": package, CONF: b""}))
    assert [one.name for one in found] == [
        *(f"apps/one.tgz!/{CONF}", f"apps/one.tgz!/{OTHER}"),
        *(f"apps/two.spl!/{CONF}", f"apps/two.spl!/{OTHER}"),
        CONF,
    ]
    assert found[0].content == FILES[CONF]
    assert [one.name for one in walked(zipped({"one.tgz": package}))] == [
        f"one.tgz!/{CONF}",
        f"one.tgz!/{OTHER}",
    ]


def test_a_package_in_a_package_is_not_read(walked):
    package = gzip.compress(tarred({"inner.tgz": gzip.compress(tarred(FILES))}))
    assert walked(tarred({"outer.tgz": package}))[0].fault == "nested-too-deep"
    for outer in (
        {"outer.zip": zipped({"inner.zip": zipped(FILES)})},
        {"outer.zip": zipped({"inner.tgz": package})},
    ):
        assert walked(tarred(outer))[0].fault == "nested-too-deep"
        assert walked(zipped(outer))[0].fault == "nested-too-deep"


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_a_zip_inside_is_read_in_place(walked, pack):
    found = walked(pack({"apps/one.zip": zipped(FILES), CONF: b"k = v\n"}))
    assert found == [
        Found(f"apps/one.zip!/{CONF}", 10, FILES[CONF]),
        Found(f"apps/one.zip!/{OTHER}", 7),
        Found(CONF, 6, b"k = v\n"),
    ]


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_a_hostile_zip_inside_is_noted_and_leaves_the_rest(walked, pack):
    bomb = zipped({"app/default/big.conf": bytes(8 << 20), "../../out.conf": b"k = v\n"})
    found = walked(pack({"a.zip": bomb, "b.zip": zipped(FILES)[:-30], CONF: b"k = v\n"}))
    assert [(one.name, one.fault) for one in found] == [
        ("a.zip!/app/default/big.conf", "zip-bomb"),
        ("a.zip!/../../out.conf", "path-outside"),
        ("b.zip", "damaged"),
        (CONF, None),
    ]


def test_members_of_a_zip_inside_count(tmp_path):
    def read(content: bytes, **limits: int) -> list[Found]:
        path = tmp_path / "upload"
        path.write_bytes(content)
        budget = Budget(UnpackLimits(**limits), len(content))
        return list(walk(path, "upload", lambda name: name.endswith(".conf"), budget))

    many = tarred({"a.zip": zipped({f"{number}.txt": b"" for number in range(20)})})
    with pytest.raises(Permanent, match=r"a\.zip holds 20 members, and 10 are the limit"):
        read(many, members=10)
    with pytest.raises(Permanent, match="more than 10 files"):
        read(tarred({f"{number}.zip": zipped(FILES) for number in range(6)}), members=10)
    assert [one.fault for one in read(many, member_bytes=100)] == ["too-large"]


def test_what_is_only_called_a_package_is_a_file(walked):
    assert walked(tarred({"search.spl": b"index=main | stats count"})) == [Found("search.spl", 24)]
    assert walked(tarred({"a.tgz": gzip.compress(b"text")}))[0].fault == "no-archive"


def test_a_damaged_package_leaves_the_rest(walked):
    package = gzip.compress(tarred({CONF: bytes(range(256)) * 500}))[:-30]
    found = walked(tarred({"broken.tgz": package, CONF: b"k = v\n"}))
    assert ("broken.tgz", "damaged") in [(one.name, one.fault) for one in found]
    assert found[-1] == Found(CONF, 6, b"k = v\n")


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (tarfile.SYMTYPE, "symlink"),
        (tarfile.LNKTYPE, "hard-link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "fifo"),
        (b"Z", "unknown-type"),
    ],
)
def test_only_regular_files_are_read(walked, kind, fault):
    [found] = walked(special(kind))
    assert (found.fault, found.content) == (fault, None)


@pytest.mark.parametrize(
    "name",
    ["../../x.conf", "/etc/x.conf", "a/../../x.conf", "C:/x.conf", "a\\..\\x.conf", "app/./../../x.conf"],
)
@pytest.mark.parametrize("pack", [tarred, zipped])
def test_names_that_lead_outside_are_not_read(walked, name, pack):
    [found] = walked(pack({name: b"k = v"}))
    assert (found.fault, found.content) == ("path-outside", None)


def test_a_deep_name_is_not_read(walked):
    [found] = walked(tarred({"a/" * 40 + "x.conf": b"k = v"}))
    assert found.fault == "too-deep"


@pytest.mark.parametrize("packing", ["tar.gz", "tar.zst", "tar.xz"])
def test_a_bomb_ends_the_reading_before_it_fills_the_memory(walked, packing):
    bomb = PACKINGS[packing](tarred({"zeros": bytes(40 << 20)}))
    with pytest.raises(Permanent, match="looks like a bomb"):
        walked(bomb, ratio_floor_bytes=8 << 20, ratio=20)


def test_a_bomb_in_a_package_counts_with_the_rest(walked):
    package = gzip.compress(tarred({"zeros": bytes(20 << 20)}))
    with pytest.raises(Permanent, match="looks like a bomb"):
        walked(tarred({"a.tgz": package}), ratio_floor_bytes=8 << 20, ratio=20)


def test_a_bomb_in_a_zip(walked):
    [found] = walked(zipped({"x.conf": bytes(3 << 20)}))
    assert (found.fault, found.content) == ("zip-bomb", None)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_large_header_is_not_read_into_memory(walked, kind):
    """512 MiB said of an extended header, as in the attack that takes tarfile 1.5 GB."""
    content = gzip.compress(header(b"x", b"%011o\0" % (512 << 20), kind) + bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(Permanent, match=r"a header of 536,870,912 bytes"):
            walked(content)
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [b"\xff" * 12, b"\xff" + b"\xfe" * 11, b"-0000000512\0", b"zzz"])
def test_a_size_that_is_none(walked, size):
    with pytest.raises(Permanent, match="damaged"):
        walked(header(b"x.conf", size))


@pytest.mark.parametrize(
    "record", [b"99 path=x\n", b"x path=x\n", b"0 a=b\n", b"11 size=-5\n\0", b"12 size=1e9\n"]
)
def test_a_pax_header_that_is_none(walked, record):
    with pytest.raises(Permanent, match="pax header"):
        walked(header(b"x", b"%011o\0" % len(record), b"x") + record.ljust(512, b"\0") + header(b"y", b"0"))


def test_too_many_members(walked):
    with pytest.raises(Permanent, match="more than 10 files"):
        walked(tarred({f"f{number}": b"" for number in range(20)}), members=10)
    # Headers without members count, too.
    record = b"9 path=x\n"
    endless = (header(b"x", b"%011o\0" % len(record), b"x") + record.ljust(512, b"\0")) * 20
    with pytest.raises(Permanent, match="more than 10 files"):
        walked(endless, members=10)


def test_a_member_that_is_too_large(walked):
    found = walked(tarred({"x.conf": bytes(2000), CONF: b"k = v\n"}), member_bytes=1000)
    assert [(one.fault, one.content) for one in found] == [("too-large", None), (None, b"k = v\n")]


def test_reading_that_takes_too_long(tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(tarred(FILES))
    clock = iter(range(0, 1000, 10))
    budget = Budget(UnpackLimits(seconds=5), 1, monotonic=lambda: next(clock))
    with pytest.raises(Permanent, match="more than 5 seconds"):
        list(walk(path, "upload", lambda _: True, budget))


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_archive_that_is_cut_short(walked, packing):
    whole = PACKINGS[packing](tarred({CONF: bytes(range(256)) * 100}))
    with pytest.raises(Permanent, match=r"cut short|no archive"):
        walked(whole[: len(whole) * 2 // 3])


def test_damage_behind_the_last_file_is_seen(walked):
    whole = gzip.compress(tarred(FILES))
    with pytest.raises(Permanent, match="damaged"):
        walked(whole[:-8] + struct.pack("<LL", 1, 2))


@pytest.mark.parametrize(
    "content",
    # Packed at a fixed time, so that the tests have the same names everywhere.
    [b"just text", gzip.compress(b"just text", mtime=0), bytes(100), b"\x1f\x8b\x08", b"PK\x03\x04"],
    ids=["text", "packed text", "zeros", "begun gzip", "begun zip"],
)
def test_what_is_no_archive(walked, content):
    with pytest.raises(Permanent):
        walked(content)


def test_a_sparse_member_is_not_read(walked):
    [found, last] = walked(
        header(b"x.conf", b"%011o\0" % 5, b"S") + b"12345".ljust(512, b"\0") + tarred({CONF: b"k = v\n"})
    )
    assert (found.fault, last.content) == ("sparse", b"k = v\n")
