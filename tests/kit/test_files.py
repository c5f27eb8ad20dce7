"""The document store on a real disk: whole or not at all, whoever is killed in between."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Permanent, Transient
from assay.kit.files import Files, Stored
from assay.kit.locks import hold


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files")


def everything(files: Files) -> list[Path]:
    return sorted(path.relative_to(files.root) for path in files.root.rglob("*") if path.is_file())


def test_a_document_is_kept_under_the_name_of_its_content(files: Files, tmp_path: Path) -> None:
    source = tmp_path / "feed.xml"
    source.write_bytes(b"<rss/>")
    stored = files.add_file(source)
    name = hashlib.sha256(b"<rss/>").hexdigest()
    assert stored == Stored(name, 6)
    assert files.path(name) == files.root / name[:2] / name
    assert files.has(name)
    source.write_bytes(b"changed later")
    assert files.path(name).read_bytes() == b"<rss/>"
    assert files.path(name).stat().st_mode & 0o222 == 0


def test_the_same_content_is_kept_once_and_can_be_removed(files: Files) -> None:
    first = files.add_stream([b"a", b"", b"b"])
    assert files.add_stream(iter([b"ab"])) == first
    assert len(everything(files)) == 1
    assert files.remove(first.sha256)
    assert not files.remove(first.sha256)
    assert not files.has(first.sha256)
    assert everything(files) == []


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_however_it_is_cut_the_name_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    files = Files(tmp_path_factory.getbasetemp() / "law")
    whole = b"".join(chunks)
    stored = files.add_stream(chunks)
    assert stored == Stored(hashlib.sha256(whole).hexdigest(), len(whole))
    assert files.path(stored.sha256).read_bytes() == whole


def test_a_damaged_document_is_replaced(files: Files) -> None:
    stored = files.add_stream([b"content"])
    path = files.path(stored.sha256)
    path.chmod(0o644)
    path.write_bytes(b"cont")
    files.add_stream([b"content"])
    assert path.read_bytes() == b"content"


def test_what_fails_half_way_leaves_nothing(files: Files) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise Transient("the line is gone")

    with pytest.raises(Transient, match="the line is gone"):
        files.add_stream(broken())
    with pytest.raises(Permanent, match="larger than 10 bytes"):
        files.add_stream([b"12345", b"678901"], max_bytes=10)
    assert files.add_stream([b"12345", b"67890"], max_bytes=10).bytes == 10
    with pytest.raises(Permanent, match="larger than 3 bytes"):
        Files(files.root, max_bytes=3).add_stream([b"1234"], max_bytes=10)
    assert len(everything(files)) == 1


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 65, "g" * 64, "a" * 64 + "\n"]
)
def test_only_a_sha256_is_a_name(files: Files, name: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        files.path(name)


def test_an_unreadable_source_is_permanent(files: Files, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Permanent, match="cannot read"):
            files.add_file(path)


def test_an_unusable_directory_is_permanent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Permanent, match="free some space or correct the permissions"):
        Files(tmp_path / "file" / "store")


def run(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    head = "import sys; from pathlib import Path; from assay.errors import *; from assay.kit.files import *\n"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", head + code, *arguments], **pipes)


def test_a_disk_that_takes_no_more_is_permanent(files: Files) -> None:
    # The kernel's limit on file sizes refuses the write as a full disk does.
    code = (
        "files = Files(Path(sys.argv[1]))\n"
        "for size in (200_000, 65_537):\n"
        "    try: files.add_stream([b'x' * size])\n"
        "    except Permanent as error: print(error)\n"
    )
    limited = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, {resource.RLIM_INFINITY}))\n"
    )
    with run(limited + code, str(files.root)) as process:
        out, _ = process.communicate(timeout=240)
    assert out.count(b"free some space") == 2
    assert process.returncode == 0
    assert everything(files) == []


def test_what_a_killed_writer_left_is_cleaned_and_a_living_one_is_left_alone(files: Files) -> None:
    code = (
        "def slow():\n"
        "    yield b'x' * 1000\n"
        "    print('begun', flush=True)\n"
        "    sys.stdin.read()\n"
        "Files(Path(sys.argv[1])).add_stream(slow())\n"
    )
    with run(code, str(files.root)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        assert files.clean() == 0
        assert len(everything(files)) == 1
        os.kill(process.pid, signal.SIGKILL)
    assert files.clean() == 1
    assert everything(files) == []


def test_processes_may_add_the_same_documents_at_once(files: Files) -> None:
    code = (
        "files = Files(Path(sys.argv[1]))\n"
        "for number in range(60): files.add_stream([str(number % 20).encode() * 1000])"
    )
    processes = [run(code, str(files.root)) for _ in range(3)]
    for process in processes:
        with process:
            process.communicate(timeout=240)
    assert [process.returncode for process in processes] == [0, 0, 0]
    found = everything(files)
    assert len(found) == 20
    assert all(hashlib.sha256((files.root / path).read_bytes()).hexdigest() == path.name for path in found)


def test_a_lock_has_one_holder_and_waits_are_counted(tmp_path: Path) -> None:
    waits: list[float] = []
    with (
        hold(tmp_path / "x" / "lock", 1),
        pytest.raises(Transient, match="more than 0 seconds"),
        hold(tmp_path / "x" / "lock", 0, waits.append),
    ):
        pass
    with hold(tmp_path / "x" / "lock", 0):
        pass
    assert waits == []


def test_a_lock_that_is_freed_meanwhile_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = hold(path, 0)
    first.__enter__()
    with hold(path, 30, lambda _: first.__exit__(None, None, None)):
        pass


def test_a_lock_that_cannot_be_made_is_permanent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Permanent, match="lock file"), hold(tmp_path / "file" / "lock", 0):
        pass
