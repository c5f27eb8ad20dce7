"""The files of an upload, whatever it is packed as: tar plain or compressed, zip, or one file; nothing is unpacked.

An app package inside (`.tgz`, `.spl`, ...) is read in place, its members named `<package>!/<member>`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from assay.errors import BadRecord, Permanent
from assay.kit.archive_zip import TooMuch, ZipArchive
from assay.kit.budget import Budget
from assay.kit.member import Limits, Member
from assay.kit.tar_stream import BLOCK, Stream, is_tar, members
from assay.kit.unpacking import Damaged, is_compressed, unpacked

NESTED = "!/"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_PACKAGES = (".tgz", ".spl", ".tar.gz", ".tar", ".tar.zst", ".tar.xz", ".zip")
_CHUNK = 256 << 10


@dataclass(frozen=True, slots=True)
class Found:
    """One file. `content` is None for one that is not wanted, or that `fault` keeps from being read."""

    name: str
    size: int
    content: bytes | None = None
    fault: str | None = None


Wanted = Callable[[str], bool]


def walk(path: Path, name: str, wanted: Wanted, budget: Budget) -> Iterator[Found]:
    """Every file of the upload at a path, `name` being what it is called; those wanted with their content.

    Raises Permanent for what is neither an archive nor a file that is wanted, for a damaged archive and for one past
    its limits.
    """
    with path.open("rb") as file:
        start = file.read(BLOCK)
        file.seek(0)
        if start.startswith(_ZIP):
            yield from _zipped(path, wanted, budget)
            return
        chunks = budget.counted(unpacked(iter(lambda: file.read(_CHUNK), b"")))
        yield from _streamed(chunks, name, wanted, budget, is_packed=is_compressed(start))


def _streamed(
    chunks: Iterator[bytes], name: str, wanted: Wanted, budget: Budget, *, is_packed: bool
) -> Iterator[Found]:
    stream = Stream(chunks)
    start = stream.read(BLOCK)
    stream.back(start)
    if is_tar(start):
        yield from _tarred(stream, "", wanted, budget, 0)
        # What is behind the tar's end may show that its bytes are not those that were packed.
        while stream.read(_CHUNK):
            pass
        return
    if start.startswith(_ZIP):
        raise Permanent("the upload is a zip packed once more: upload the zip itself")
    if is_packed or not wanted(name):
        raise Permanent(
            f"{name} is no archive that can be read: upload a tar (plain, gzip, zstd or xz), a zip, an app "
            "package (.spl, .tgz), or a single file of a kind that is read here"
        )
    content = _whole(stream, budget.limits.member_bytes)
    if content is None:
        raise Permanent(f"{name} is larger than {budget.limits.member_bytes:,} bytes")
    yield Found(name, len(content), content)


def _whole(stream: Stream, most: int) -> bytes | None:
    content = stream.read(most + 1)
    return None if len(content) > most else content


def _tarred(stream: Stream, within: str, wanted: Wanted, budget: Budget, level: int) -> Iterator[Found]:
    for member in members(stream, budget):
        name = within + member.name
        if member.fault is not None:
            yield Found(name, member.size, fault=member.fault)
        elif wanted(name):
            is_large = member.size > budget.limits.member_bytes
            yield Found(
                name,
                member.size,
                None if is_large else b"".join(member.pieces()),
                "too-large" if is_large else None,
            )
        elif _is_package(name):
            yield from _package(name, member.size, member.pieces(), wanted, budget, level + 1)
        else:
            yield Found(name, member.size)


def _package(
    name: str, size: int, pieces: Iterator[bytes], wanted: Wanted, budget: Budget, level: int
) -> Iterator[Found]:
    """The files of a package inside; one that is not what its name says, or lies too deep, is a file like others."""
    start = next(pieces, b"")
    while len(start) < BLOCK and (more := next(pieces, b"")):
        start += more
    if start.startswith(_ZIP):
        yield from _nested_zip(name, size, chain((start,), pieces), wanted, budget, level)
        return
    # `.spl` is also the ending of text files with searches.
    if not (is_compressed(start) or is_tar(start[:BLOCK])):
        yield Found(name, size)
        return
    if level > budget.limits.nesting:
        yield Found(name, size, fault="nested-too-deep")
        return
    try:
        inner = Stream(budget.counted(unpacked(chain((start,), pieces))))
        first = inner.read(BLOCK)
        inner.back(first)
        if not is_tar(first):
            yield Found(name, size, fault="no-archive")
            return
        yield from _tarred(inner, name + NESTED, wanted, budget, level)
    except Damaged:
        yield Found(name, size, fault="damaged")


def _nested_zip(
    name: str, size: int, pieces: Iterator[bytes], wanted: Wanted, budget: Budget, level: int
) -> Iterator[Found]:
    """The files of a zip inside. Its directory stands at its end, so all of it is held, like any other member."""
    if level > budget.limits.nesting:
        yield Found(name, size, fault="nested-too-deep")
        return
    if size > budget.limits.member_bytes:
        yield Found(name, size, fault="too-large")
        return
    try:
        archive = ZipArchive(Path(name), _limits(budget), b"".join(pieces))
        members = archive.members()
    except TooMuch:
        raise
    except Permanent:
        yield Found(name, size, fault="damaged")
        return
    yield from _of_zip(archive, members, name + NESTED, wanted, budget, level)


def _is_package(name: str) -> bool:
    return name.lower().endswith(_PACKAGES)


def _zipped(path: Path, wanted: Wanted, budget: Budget) -> Iterator[Found]:
    with ZipArchive(path, _limits(budget)) as archive:
        yield from _of_zip(archive, archive.members(), "", wanted, budget, 0)


def _limits(budget: Budget) -> Limits:
    limits = budget.limits
    return Limits(limits.member_bytes, limits.ratio, limits.members, limits.unpacked_bytes)


def _of_zip(
    archive: ZipArchive, members: list[Member], within: str, wanted: Wanted, budget: Budget, level: int
) -> Iterator[Found]:
    for member in members:
        budget.add_member()
        name = within + member.name
        is_package = _is_package(member.name)
        if member.fault is not None:
            yield Found(name, member.size, fault=member.fault)
            continue
        if not is_package and not wanted(name):
            yield Found(name, member.size)
            continue
        try:
            content = archive.read(member)
        except BadRecord as error:
            yield Found(name, member.size, fault=error.reason)
            continue
        for _ in budget.counted((content,)):
            pass
        if is_package:
            yield from _package(name, member.size, iter((content,)), wanted, budget, level + 1)
        else:
            yield Found(name, member.size, content)
