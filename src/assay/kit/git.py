"""Keeping a bare copy of one branch, and reading its files without a working tree."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO, Self

from assay.errors import AssayError, Permanent, Transient
from assay.kit.files import disk_trouble
from assay.kit.git_program import Failed, command, end, environment, missing, run
from assay.kit.locks import hold
from assay.kit.member import Limits, Member, name_fault
from assay.kit.progress import Progress, silent

_SCHEMES = ("https://", "ssh://", "file:///")
_SCP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!:)[^:]+")
_BRANCH = re.compile(r"(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)))[A-Za-z0-9_][A-Za-z0-9_./@+-]*(?<![./])")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MARK = "assay-mirror"
_LOCAL_SECONDS = 300.0
_REFUSED = re.compile(
    r"couldn't find remote ref|not found|does not appear to be a git repository"
    r"|could not read (Username|Password)|Authentication failed|Permission denied|prompts disabled"
    r"|returned error: 4(0[0-7]|1)|key verification failed"
    r"|transport '.*' not allowed|No space left|certificate",
    re.IGNORECASE,
)
_DAMAGED = re.compile(
    r"bad object|corrupt|loose object|not a git repository: '|missing (blob|tree|commit)"
    r"|unable to (read|find)|does not point to a valid object|bad config|index-pack failed"
    r"|did not send all necessary objects|Could not read [0-9a-f]{40}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class GitWaits:
    """How long to wait, in seconds: for one fetch, and for another process at the same repository."""

    fetch: float = 3000.0
    busy: float = 3300.0


def mirror(
    url: str, directory: Path, branch: str, progress: Progress = silent, waits: GitWaits | None = None
) -> str:
    """The newest commit of the branch, whose files are then below `directory`.

    Only the newest commit is fetched, each time, so a rewritten history is as good as any other. Callers of
    one directory take turns. A copy that is damaged, or of another address, is made again; a directory that
    is no copy of ours is never touched. Permanent when git, repository or branch is missing or refused.
    """
    _check(url, branch)
    waits = waits or GitWaits()
    with hold(directory.with_name(f"{directory.name}.lock"), waits.busy) as lock:
        copy = _Copy(url, directory, branch, progress, waits.fetch, lock)
        try:
            return copy.fetched()
        except Failed as error:
            raise _meant(str(error), url, branch) from error


@dataclass(frozen=True, slots=True)
class _Copy:
    """One call's work on a copy, done by the holder of its lock."""

    url: str
    directory: Path
    branch: str
    progress: Progress
    seconds: float
    lock: int

    def fetched(self) -> str:
        with disk_trouble(self.directory.parent):
            shutil.rmtree(self._unfinished, ignore_errors=True)
            is_ours = self._is_ours()
        if is_ours:
            try:
                return self._fetch(self.directory)
            except Failed as error:
                if not _DAMAGED.search(str(error)):
                    raise
        return self._made()

    @property
    def _unfinished(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}.new")

    def _is_ours(self) -> bool:
        """Whether this is a finished copy of this address; Permanent when it is something else altogether."""
        mark = self.directory / _MARK
        if mark.is_file():
            return mark.read_text() == self.url and (self.directory / "HEAD").is_file()
        if self.directory.exists() and any(self.directory.iterdir()):
            raise Permanent(
                f"{self.directory} is no copy that Assay made: name another directory, or empty it"
            )
        return False

    def _made(self) -> str:
        """Makes the copy beside its place and moves it there whole; a killed process leaves no half."""
        new = self._unfinished
        with disk_trouble(new.parent):
            new.mkdir(parents=True)
        run(new, ["init", "--quiet", "--bare", "--template=", str(new)], _LOCAL_SECONDS, lock=self.lock)
        commit = self._fetch(new)
        with disk_trouble(new.parent):
            (new / _MARK).write_text(self.url)
            if self.directory.exists():
                shutil.rmtree(self.directory)
            new.rename(self.directory)
        return commit

    def _fetch(self, directory: Path) -> str:
        self._drop_locks(directory)
        name = f"refs/heads/{self.branch}"
        fetch = [
            "fetch",
            "--progress",
            "--no-tags",
            "--depth=1",
            "--force",
            "--",
            self.url,
            f"+{name}:{name}",
        ]
        run(directory, fetch, self.seconds, lock=self.lock, progress=self.progress)
        try:
            found = run(directory, ["rev-parse", "--verify", f"{name}^{{commit}}"], _LOCAL_SECONDS)
            commit = found.decode().strip()
            run(directory, ["ls-tree", "-r", "-z", "--name-only", commit], _LOCAL_SECONDS)
        except Failed as error:
            raise Failed(f"corrupt copy: {error}") from error
        return commit

    def _drop_locks(self, directory: Path) -> None:
        """Removes the lock files of a git that was killed; a living one would hold our own lock."""
        for pattern in ("*.lock", "refs/**/*.lock", "objects/**/*.lock", "objects/pack/tmp_*"):
            for path in directory.glob(pattern):
                with suppress(FileNotFoundError):
                    path.unlink()


def tree(directory: Path, commit: str, folder: str = "", limits: Limits | None = None) -> list[Member]:
    """The files of a folder in a commit, named relative to it; `fingerprint` is the blob's raw object id."""
    limits = limits or Limits()
    if _SHA.fullmatch(commit) is None:
        raise Permanent(f"{commit[:80]!r} is not the full name of a commit")
    root = f"{commit}:{folder.strip('/')}"
    try:
        listed = run(directory, ["ls-tree", "-r", "-z", "--long", "--full-tree", root], _LOCAL_SECONDS)
    except Failed as error:
        raise Permanent(f"{directory} has no folder {folder!r} at {commit}: {error}") from error
    return [_member(line, limits) for line in listed.split(b"\0") if line]


def _member(line: bytes, limits: Limits) -> Member:
    """One line of ls-tree: mode, type, object id and size, a tab, the name."""
    facts, _, raw = line.partition(b"\t")
    mode, kind, sha, size = facts.split()
    name = raw.decode("utf-8", "backslashreplace")
    bytes_ = int(size) if size.isdigit() else 0
    fault = (name_fault(name) if _is_text(raw) else "bad-name") or _mode_fault(mode, kind)
    if fault is None and bytes_ > limits.max_member_bytes:
        fault = "too-large"
    return Member(name, bytes_, bytes.fromhex(sha.decode()), fault)


def _mode_fault(mode: bytes, kind: bytes) -> str | None:
    if kind == b"commit":
        return "submodule"
    if mode == b"120000":
        return "symlink"
    return None if kind == b"blob" else "not-a-file"


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class Blobs:
    """Blobs by object id, from one `git cat-file --batch` that lives until `close`. For one thread."""

    def __init__(self, directory: Path, *, is_buffered: bool = False) -> None:
        buffered = ("--buffer",) if is_buffered else ()
        try:
            self._process = subprocess.Popen(
                command(directory, "cat-file", "--batch", *buffered),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise missing(error) from error
        self._directory = directory

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        end(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                # The pipe may still hold a question that nobody will read.
                with suppress(OSError):
                    pipe.close()

    def read(self, sha: str, max_bytes: int) -> bytes | None:
        """The blob's content, None when the repository lacks it or has something else under this id."""
        try:
            self.stdin.write(_question(sha))
            self.stdin.flush()
        except BrokenPipeError as error:
            raise self._gone() from error
        return self.answer(max_bytes)

    def answer(self, max_bytes: int) -> bytes | None:
        """The next answer that git gives."""
        head = self.stdout.readline(200)
        if not head.endswith(b"\n"):
            raise self._gone()
        facts = head.split()
        if len(facts) != 3 or not facts[2].isdigit():
            return None
        size = int(facts[2])
        if size > max_bytes:
            self._skip(size + 1)
            raise Permanent(f"{facts[0].decode()} has {size:,} bytes, and {max_bytes:,} are the limit")
        content = self.stdout.read(size + 1)
        if len(content) != size + 1:
            raise self._gone()
        return content[:-1] if facts[1] == b"blob" else None

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _skip(self, size: int) -> None:
        while size > 0 and (chunk := self.stdout.read(min(size, 1 << 20))):
            size -= len(chunk)

    def _gone(self) -> Transient:
        return Transient(f"git cat-file on {self._directory} ended unexpectedly")


def read_blobs(
    directory: Path, shas: Iterable[str], max_bytes: int = Limits().max_member_bytes
) -> Iterator[tuple[str, bytes]]:
    """Each object id with its blob, in the given order, from one process that works ahead of the reader.

    Permanent for an id that the repository lacks.
    """
    wanted = list(shas)
    with Blobs(directory, is_buffered=True) as blobs:
        feeder = Thread(target=_ask_all, args=(blobs.stdin, [_question(sha) for sha in wanted]), daemon=True)
        feeder.start()
        try:
            for sha in wanted:
                content = blobs.answer(max_bytes)
                if content is None:
                    raise Permanent(f"{directory} lacks the blob {sha}: fetch the repository again")
                yield sha, content
        finally:
            blobs.close()
            feeder.join()


def _ask_all(stdin: IO[bytes], questions: list[bytes]) -> None:
    # The reader may stop early and end the process; the pipe breaks then.
    with suppress(OSError, ValueError):
        stdin.writelines(questions)
        stdin.close()


def _question(sha: str) -> bytes:
    if _SHA.fullmatch(sha) is None:
        raise Permanent(f"{sha[:80]!r} is not an object id")
    return f"{sha}\n".encode()


def _check(url: str, branch: str) -> None:
    if "::" in url.partition("/")[0] or not (url.startswith(_SCHEMES) or _SCP.fullmatch(url)):
        raise Permanent(f"{url[:200]!r} is no address for git: https://, ssh:// and file:/// are allowed")
    if any(character in url for character in "\0\n\r"):
        raise Permanent(f"{url[:200]!r} holds a line break: correct it")
    if _BRANCH.fullmatch(branch) is None:
        raise Permanent(f"{branch[:200]!r} is not the name of a branch: correct it")


def _meant(said: str, url: str, branch: str) -> AssayError:
    where = re.sub(r"(?<=://)[^/@]+@", "", url)
    if _REFUSED.search(said):
        return Permanent(
            f"git cannot fetch branch {branch} of {where} ({said}): check address, branch and access"
        )
    return Transient(f"git cannot fetch branch {branch} of {where}: {said}")
