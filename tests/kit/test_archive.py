"""One view over zips (honest, broken and hostile), directories, git trees and single files."""

import gzip
import os
import pickle
import random
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import BadRecord, Permanent
from assay.kit.archive import (
    Address,
    Kind,
    Limits,
    Member,
    address_of,
    open_archive,
    open_stream,
)
from assay.kit.git import mirror
from assay.kit.member import name_fault, told_apart

NOISE = random.Random(3).randbytes(5000)


def pack(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as zipped:
        for name, content in members:
            zipped.writestr(zipfile.ZipInfo(name), content, method)
    return path


def read_all(path: Path, limits: Limits | None = None) -> dict[str, bytes | str]:
    """Each member's content, or the reason why it has none."""
    found: dict[str, bytes | str] = {}
    errors: list[tuple[Member, BadRecord]] = []
    with open_archive(address_of(path), limits) as archive:
        for member in archive.members():
            try:
                found[member.name] = archive.read(member)
            except BadRecord as error:
                errors.append((member, error))
                found[member.name] = error.reason
    assert all(member.name[:300] in error.detail for member, error in errors)
    assert all(member.fault in (None, error.reason) for member, error in errors)
    return found


def patched(path: Path, at: int, value: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(value)


def central(path: Path, index: int = 0) -> int:
    """Where the record of a member begins in the zip's directory."""
    whole, at = path.read_bytes(), -1
    for _ in range(index + 1):
        at = whole.index(b"PK\x01\x02", at + 1)
    return at


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    return tmp_path / "all.zip"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_listed_in_order_and_read(zipped: Path, method: int) -> None:
    members = [
        ("b.json", b"{}" * 999),
        ("a/ünï 漢.json", b"x"),
        ("empty", b""),
        ("a/", b""),
        ("noise", NOISE),
    ]
    pack(zipped, members, method)
    assert address_of(zipped) == Address(Kind.ZIP, zipped)
    assert list(read_all(zipped).items()) == [item for item in members if item[0] != "a/"]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-z]{1,3}(/[a-z#0-9]{1,3})?", fullmatch=True), st.binary(max_size=200))
    )
)
def test_a_zip_reads_as_zipfile_reads_it(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "law.zip"
    is_twice = len({name for name, _ in members}) < len(members)
    with pytest.warns(UserWarning, match="Duplicate") if is_twice else nullcontext():
        pack(path, members)
    with open_archive(Address(Kind.ZIP, path)) as archive:
        listed = archive.members()
        assert len({member.name for member in listed}) == len(listed) == len(members)
        assert [archive.read(member) for member in listed] == [content for _, content in members]


def test_a_member_is_read_by_another_process_without_listing(zipped: Path) -> None:
    pack(zipped, [(f"{number}.json", str(number).encode()) for number in range(100)])
    address = address_of(zipped)
    with open_archive(address) as archive:
        chosen = archive.members()[42]
    code = (
        "import pickle, sys; from assay.kit.archive import open_archive\n"
        "address, member = pickle.loads(sys.stdin.buffer.read())\n"
        "with open_archive(address) as archive: sys.stdout.buffer.write(archive.read(member))"
    )
    sent = pickle.dumps((address, chosen))
    assert len(sent) < 1000
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert done.stdout == b"42"


def test_threads_may_share_a_zip(zipped: Path) -> None:
    pack(zipped, [(str(number), NOISE[: number * 10]) for number in range(400)])
    with open_archive(address_of(zipped)) as archive, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(archive.read, archive.members())) == [
            NOISE[: number * 10] for number in range(400)
        ]


def test_duplicate_names_are_told_apart(zipped: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        pack(zipped, [("a", b"1"), ("a", b"2"), ("a#2", b"3"), ("a", b"4")])
    with open_archive(address_of(zipped)) as archive:
        members = archive.members()
        assert len({member.name for member in members}) == 4
        assert members[0].name == "a"
        assert [archive.read(member) for member in members] == [b"1", b"2", b"3", b"4"]


@given(st.lists(st.sampled_from(["a", "b", "a#2", "a#3", "a#2#2", "b#2"])))
def test_names_told_apart_are_unique(names: list[str]) -> None:
    seen: dict[str, int] = {}
    apart = [told_apart(name, seen) for name in names]
    assert len(set(apart)) == len(apart)


def test_the_fingerprint_changes_with_the_content_alone(tmp_path: Path) -> None:
    def fingerprints(name: str, content: bytes, method: int) -> list[bytes]:
        with open_archive(address_of(pack(tmp_path / name, [("m", content)], method))) as archive:
            return [member.fingerprint for member in archive.members()]

    first = fingerprints("1.zip", b"one", zipfile.ZIP_STORED)
    assert first == fingerprints("2.zip", b"one", zipfile.ZIP_DEFLATED)
    assert first != fingerprints("3.zip", b"two", zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../x", "a/../../x", "a/..", "C:/x", "c:x", "a\\b", "..\\x", "//host/x"],
)
def test_names_that_lead_outside_are_faults(zipped: Path, name: str) -> None:
    pack(zipped, [("good", b"1"), ("PLACEHOLDER"[: len(name)].ljust(len(name), "_"), b"2")])
    whole = zipped.read_bytes()
    placeholder = "PLACEHOLDER"[: len(name)].ljust(len(name), "_").encode()
    zipped.write_bytes(whole.replace(placeholder, name.encode()))
    assert read_all(zipped) == {"good": b"1", name: "path-outside"}


def test_backslashes_of_a_windows_packer_part_folders(zipped: Path) -> None:
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in ("a\\", "a\\b\\c", "..\\x", "C:\\y", "d/e\\f"):
            info = zipfile.ZipInfo(name)
            info.create_system = 0
            archive.writestr(info, b"" if name == "a\\" else b"1")
    assert read_all(zipped) == {
        "a/b/c": b"1",
        "../x": "path-outside",
        "C:/y": "path-outside",
        "d/e\\f": "path-outside",
    }


@pytest.mark.parametrize(
    "name", ["a..b", "..a", "ALSA-2019:3338.json", "a b", "ü", "a\nb", ".hidden", "a//b"]
)
def test_names_that_only_look_odd_are_fine(name: str) -> None:
    assert name_fault(name) is None


def test_a_nul_in_a_name_is_a_fault(zipped: Path) -> None:
    pack(zipped, [("aXb", b"1")])
    zipped.write_bytes(zipped.read_bytes().replace(b"aXb", b"a\0b"))
    assert read_all(zipped) == {"a\0b": "path-outside"}


def test_names_that_are_no_utf8_are_code_page_437(zipped: Path) -> None:
    pack(zipped, [("aXb", b"1")])
    zipped.write_bytes(zipped.read_bytes().replace(b"aXb", b"a\x81b"))
    assert read_all(zipped) == {"aüb": b"1"}


def test_links_devices_and_encrypted_members_are_faults(zipped: Path) -> None:
    with zipfile.ZipFile(zipped, "w") as archive:
        for name, kind in [("link", stat.S_IFLNK), ("pipe", stat.S_IFIFO), ("file", stat.S_IFREG)]:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, b"/etc/passwd")
        archive.writestr("secret", b"x")
    patched(zipped, central(zipped, 3) + 8, b"\x01\x00")
    assert read_all(zipped) == {
        "link": "symlink",
        "pipe": "not-a-file",
        "file": b"/etc/passwd",
        "secret": "encrypted",
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_faults(zipped: Path, method: int) -> None:
    pack(zipped, [("x", NOISE)], method)
    assert read_all(zipped) == {"x": "compression"}


def test_large_members_and_bombs_are_faults_and_never_inflated(zipped: Path) -> None:
    pack(zipped, [("bomb", b"\0" * 20_000_000), ("small", b"\0" * 1_000_000), ("large", NOISE * 500)])
    tracemalloc.start()
    found = read_all(zipped, Limits(max_member_bytes=2_000_000))
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert found == {"bomb": "too-large", "small": b"\0" * 1_000_000, "large": "too-large"}
    assert read_all(zipped)["bomb"] == "zip-bomb"


def test_a_header_that_lies_about_the_size_costs_no_memory(zipped: Path) -> None:
    pack(zipped, [("bomb", b"\0" * 50_000_000), ("good", b"1")])
    lie = struct.pack("<L", 1_000_000)
    patched(zipped, central(zipped) + 24, lie)
    patched(zipped, 22, lie)
    tracemalloc.start()
    assert read_all(zipped) == {"bomb": "damaged", "good": b"1"}
    assert tracemalloc.get_traced_memory()[1] < 6_000_000
    tracemalloc.stop()


def test_sizes_that_cannot_be_are_faults(zipped: Path) -> None:
    def fault(offset: int, value: int, method: int = zipfile.ZIP_DEFLATED) -> bytes | str:
        pack(zipped, [("x", NOISE)], method)
        patched(zipped, central(zipped) + offset, struct.pack("<L", value))
        return read_all(zipped)["x"]

    assert fault(20, 5_000_000) == "implausible-size"
    assert fault(24, 10) == "implausible-size"
    assert fault(24, 60_000_000) == "implausible-size"
    assert fault(24, 3_000_000) == "zip-bomb"
    assert fault(24, 4999, zipfile.ZIP_STORED) == "implausible-size"
    assert fault(42, 4_000_000) == "implausible-size"
    assert fault(24, 0xFFFFFFFF) == "implausible-size"
    assert fault(24, 5001) == "damaged"
    assert fault(24, 4999) == "damaged"


def test_members_that_share_bytes_are_bombs(zipped: Path) -> None:
    pack(zipped, [("a", NOISE), ("b", NOISE), ("c", b"honest")])
    first, second = central(zipped, 0), central(zipped, 1)
    whole = bytearray(zipped.read_bytes())
    whole[second + 42 : second + 46] = whole[first + 42 : first + 46]
    # Without the bytes that nobody names any more, the claims exceed the file.
    begin = struct.unpack_from("<L", whole, central(zipped, 2) + 42)[0]
    zipped.write_bytes(bytes(whole))
    assert begin > 10_000
    assert read_all(zipped)["b"] == "damaged"
    pack(zipped, [("a", NOISE)])
    whole = bytearray(zipped.read_bytes())
    at = central(zipped)
    record, end = whole[at:-22], whole[-22:]
    end[8:12] = struct.pack("<2H", 3, 3)
    end[12:16] = struct.pack("<L", 3 * len(record))
    zipped.write_bytes(bytes(whole[:at] + record * 3 + end))
    assert read_all(zipped) == {"a": "zip-bomb", "a#2": "zip-bomb", "a#3": "zip-bomb"}


def test_damage_is_noticed(zipped: Path) -> None:
    pack(zipped, [("a", NOISE), ("good", b"1")])
    for at, value in [(500, b"\xff\xff\xff"), (0, b"XX"), (30, b"z")]:
        pack(zipped, [("a", NOISE), ("good", b"1")])
        patched(zipped, at, value)
        assert read_all(zipped) == {"a": "damaged", "good": b"1"}
    pack(zipped, [("a", NOISE), ("good", b"1")], zipfile.ZIP_STORED)
    patched(zipped, 500, b"\xff\xff\xff")
    assert read_all(zipped) == {"a": "damaged", "good": b"1"}


def test_a_zip_that_was_replaced_since_it_was_listed_is_noticed(zipped: Path) -> None:
    pack(zipped, [("a", b"1")])
    with open_archive(address_of(zipped)) as archive:
        member = archive.members()[0]
    for other in ([("a", b"2")], [("b" * 100, b"1")], []):
        pack(zipped, other)
        with (
            open_archive(address_of(zipped)) as archive,
            pytest.raises(BadRecord, match="another one than was listed"),
        ):
            archive.read(member)


def test_a_truncated_zip_or_another_file_says_to_fetch_again(zipped: Path) -> None:
    pack(zipped, [(str(number), NOISE) for number in range(20)])
    whole = zipped.read_bytes()
    for broken in (b"", b"<html>502</html>", whole[:-1], whole[: len(whole) // 2], whole[:50], whole[:-22]):
        zipped.write_bytes(broken)
        with (
            pytest.raises(Permanent, match=r"is not a complete zip archive .*: fetch it again"),
            open_archive(address_of(zipped)) as archive,
        ):
            archive.members()
    # The middle is gone, as after a download that skipped a part.
    zipped.write_bytes(whole[:20_000] + whole[40_000:])
    with pytest.raises(Permanent, match="fetch it again"), open_archive(address_of(zipped)) as archive:
        archive.members()
    with pytest.raises(Permanent, match="cannot read"):
        open_archive(Address(Kind.ZIP, zipped.parent / "none"))


@settings(max_examples=150)
@given(st.data())
def test_whatever_is_flipped_the_archive_answers_or_says_why(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.zip"
    pack(path, [("a.json", b"{}" * 50), ("b/c.json", NOISE[:300]), ("d", b"")])
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    # Permanent and BadRecord are the only answers but the right content; any other exception fails the test.
    with suppress(Permanent), open_archive(Address(Kind.ZIP, path)) as archive:
        for member in archive.members():
            with suppress(BadRecord):
                content = archive.read(member)
                assert len(content) == member.size
                assert member.fingerprint == struct.pack("<LQ", zlib.crc32(content), member.size)


def test_bytes_before_the_zip_and_a_comment_are_fine(zipped: Path) -> None:
    pack(zipped, [("a", NOISE), ("b", b"2")])
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.comment = b"PK\x05\x06 is how an end looks " * 100
    zipped.write_bytes(b"#!/bin/sh\n" * 10 + zipped.read_bytes())
    assert read_all(zipped) == {"a": NOISE, "b": b"2"}


def test_zip64_is_read(zipped: Path) -> None:
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in ("a", "b"):
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(NOISE)
    whole = zipped.read_bytes()
    at, end = whole.index(b"PK\x01\x02"), len(whole) - 22
    # zipfile writes zip64 records only for what is large; these are written by hand, all fields moved there.
    records = b""
    for name, start in ((b"a", 0), (b"b", whole.index(b"PK\x03\x04", 10))):
        extra = struct.pack("<2H3Q", 1, 24, len(NOISE), len(NOISE), start)
        records += (
            struct.pack(
                "<4s2B5HL2L5H2L",
                b"PK\x01\x02",
                45,
                3,
                45,
                0,
                0,
                0,
                0x21,
                zlib.crc32(NOISE),
                0xFFFFFFFF,
                0xFFFFFFFF,
                1,
                len(extra),
                0,
                0,
                0,
                0o644 << 16,
                0xFFFFFFFF,
            )
            + name
            + extra
        )
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, len(records), at)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at + len(records), 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    zipped.write_bytes(whole[:at] + records + end64 + locator + tail)
    assert end > at
    with zipfile.ZipFile(zipped) as judge:
        assert judge.read("b") == NOISE
    assert read_all(zipped) == {"a": NOISE, "b": NOISE}
    zipped.write_bytes(b"before" + zipped.read_bytes())
    assert read_all(zipped) == {"a": NOISE, "b": NOISE}
    zipped.write_bytes(whole[:at] + records + locator + tail)
    with pytest.raises(Permanent, match="zip64 end record is missing"):
        open_archive(address_of(zipped))


def test_more_members_than_sixteen_bits_count(zipped: Path) -> None:
    pack(zipped, [(str(number), b"") for number in range(66_000)], zipfile.ZIP_STORED)
    with open_archive(address_of(zipped)) as archive:
        assert [member.name for member in archive.members()] == [str(number) for number in range(66_000)]


def test_archives_over_the_limits_are_refused(zipped: Path, tmp_path: Path) -> None:
    pack(zipped, [(str(number), NOISE) for number in range(10)])
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(10):
        (folder / str(number)).write_bytes(NOISE)
    for path in (zipped, folder):
        for limits in (Limits(max_members=9), Limits(max_total_bytes=49_999)):
            with pytest.raises(Permanent, match="limit"), open_archive(address_of(path), limits) as archive:
                archive.members()
        with open_archive(address_of(path), Limits(max_members=10, max_total_bytes=50_000)) as archive:
            assert len(archive.members()) == 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name in ("b.json", "a/c d.json", "a/漢\n.json", ".git/config", "a/.hidden", "z/empty"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name == "z/empty" else name.encode())
    return folder


def test_a_directory_is_listed_in_order_without_what_is_hidden(folder: Path) -> None:
    assert address_of(folder) == Address(Kind.DIRECTORY, folder)
    names = ["a/c d.json", "a/漢\n.json", "b.json", "z/empty"]
    assert list(read_all(folder).items()) == [
        (name, b"" if name == "z/empty" else name.encode()) for name in names
    ]
    with open_archive(Address(Kind.DIRECTORY, folder, folder="a")) as archive:
        assert [member.name for member in archive.members()] == ["c d.json", "漢\n.json"]
    for outside in ("..", "/etc", "a/../.."):
        with pytest.raises(Permanent, match="is not inside"):
            open_archive(Address(Kind.DIRECTORY, folder, folder=outside))
    with pytest.raises(Permanent, match="is not a directory"):
        open_archive(Address(Kind.DIRECTORY, folder / "none"))


def test_what_is_no_plain_file_in_a_directory_is_a_fault(folder: Path) -> None:
    (folder / "link.json").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    (folder / "large").write_bytes(b"x" * 101)
    (folder / os.fsdecode(b"latin-\xe9")).write_bytes(b"x")
    (folder / "back\\slash").write_bytes(b"x")
    faults = {
        name: reason
        for name, reason in read_all(folder, Limits(max_member_bytes=100)).items()
        if isinstance(reason, str)
    }
    assert faults == {
        "link.json": "symlink",
        "loop": "symlink",
        "pipe": "not-a-file",
        "large": "too-large",
        "latin-\\xe9": "bad-name",
        "back\\slash": "path-outside",
    }


def test_a_files_fingerprint_is_of_its_content(folder: Path) -> None:
    def fingerprints() -> dict[str, bytes]:
        with open_archive(address_of(folder)) as archive:
            return {member.name: member.fingerprint for member in archive.members()}

    before = fingerprints()
    os.utime(folder / "b.json", (1, 1))
    assert fingerprints() == before
    status = (folder / "b.json").stat()
    (folder / "b.json").write_bytes(b"B.json")
    os.utime(folder / "b.json", ns=(status.st_atime_ns, status.st_mtime_ns))
    after = fingerprints()
    assert {name for name in before if before[name] != after[name]} == {"b.json"}


def test_a_file_that_changes_after_listing_is_noticed(folder: Path, tmp_path: Path) -> None:
    single = tmp_path / "kev.json"
    single.write_bytes(b"{}")
    for path, victim in ((folder, folder / "b.json"), (single, single)):
        with open_archive(address_of(path)) as archive:
            member = next(member for member in archive.members() if member.name == victim.name)
            victim.write_bytes(b"changed")
            with pytest.raises(BadRecord) as caught:
                archive.read(member)
            assert caught.value.reason == "changed"
    with open_archive(address_of(folder)) as archive:
        member = next(member for member in archive.members() if member.name == "b.json")
        (folder / "b.json").unlink()
        (folder / "b.json").symlink_to("/etc/passwd")
        with pytest.raises(BadRecord) as caught:
            archive.read(member)
        assert caught.value.reason == "unreadable"


def test_a_git_tree_is_an_archive(folder: Path, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True, env=clean, capture_output=True)

    (folder / ".git" / "config").unlink()
    git("init", "--quiet", "--initial-branch=main")
    (folder / "link").symlink_to("/etc/passwd")
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")
    copy = tmp_path / "copy"
    commit = mirror(folder.as_uri(), copy, "main")
    with open_archive(Address(Kind.GIT, copy, commit)) as archive:
        members = archive.members()
        assert [member.name for member in members] == [
            "a/.hidden",
            "a/c d.json",
            "a/漢\n.json",
            "b.json",
            "link",
            "z/empty",
        ]
        assert [archive.read(member) for member in members if member.fault is None] == [
            b"a/.hidden",
            b"a/c d.json",
            "a/漢\n.json".encode(),
            b"b.json",
            b"",
        ]
        with pytest.raises(BadRecord, match="link"):
            archive.read(members[4])
        with pytest.raises(BadRecord, match="the repository lacks"):
            archive.read(Member("gone", 1, bytes(20), None))
    with open_archive(Address(Kind.GIT, copy, commit, "a")) as archive:
        assert archive.members()[1].name == "c d.json"
    with (
        open_archive(Address(Kind.GIT, copy, commit), Limits(max_members=2)) as archive,
        pytest.raises(Permanent),
    ):
        archive.members()
    with pytest.raises(Permanent, match="say which commit"):
        open_archive(Address(Kind.GIT, copy))


def test_a_single_file_is_an_archive_of_one(tmp_path: Path) -> None:
    plain, packed, disguised = tmp_path / "kev.json", tmp_path / "epss.csv.gz", tmp_path / "kev-2.json"
    plain.write_bytes(b'{"count": 1}')
    packed.write_bytes(gzip.compress(b"cve,epss\n"))
    disguised.write_bytes(gzip.compress(b"{}"))
    for path, name, content in [
        (plain, "kev.json", b'{"count": 1}'),
        (packed, "epss.csv", b"cve,epss\n"),
        (disguised, "kev-2.json", b"{}"),
    ]:
        assert address_of(path) == Address(Kind.FILE, path)
        assert read_all(path) == {name: content}
    with open_archive(address_of(packed), Limits(max_member_bytes=5)) as archive:
        (member,) = archive.members()
        assert member.fault == "too-large"
        with pytest.raises(BadRecord):
            archive.read(member)
    with pytest.raises(Permanent, match="cannot read"):
        address_of(tmp_path / "none")


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=4), st.integers(0, 20))
def test_a_stream_is_inflated_member_by_member(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], padding: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "stream.gz"
    path.write_bytes(b"".join(gzip.compress(part) for part in parts) + b"\0" * padding)
    assert b"".join(open_stream(path, 10_000)) == b"".join(parts)


def test_a_stream_is_capped_and_bounded_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0" * 50_000_000))
    tracemalloc.start()
    with pytest.raises(Permanent, match="more than 20,000,000 bytes"):
        deque(open_stream(path, 20_000_000), maxlen=0)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    assert sum(map(len, open_stream(path, 50_000_000))) == 50_000_000


def test_a_damaged_or_cut_stream_says_to_fetch_again(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    whole = gzip.compress(NOISE)
    for broken in (
        whole[:-1],
        whole[:2],
        whole[:1000],
        whole[:-8] + b"\0" * 8,
        whole + b"rubbish",
        whole[:50] + b"??",
    ):
        path.write_bytes(broken)
        with pytest.raises(Permanent, match="fetch it again"):
            list(open_stream(path, 10_000))
    path.write_bytes(b"plain")
    assert list(open_stream(path, 5)) == [b"plain"]
    path.write_bytes(b"")
    assert list(open_stream(path, 5)) == []
