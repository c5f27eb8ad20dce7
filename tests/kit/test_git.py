"""Copies of a real repository: rewritten, renamed, killed half-way, locked, damaged."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from assay.errors import Permanent, Transient
from assay.kit.git import Blobs, GitWaits, mirror, read_blobs, tree
from assay.kit.locks import hold
from assay.kit.member import Limits

NAMES = ["advisories/a b.json", "advisories/ünïcode-漢.json", "advisories/new\nline.json", "README.md"]


class Origin:
    """A working repository that others fetch from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = path.as_uri()
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "T")
        self.git("config", "user.email", "t@example.org")

    def git(self, *arguments: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(["git", *arguments], cwd=self.path, env=clean, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def commit(self, files: dict[str, bytes]) -> str:
        for name, content in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    origin = Origin(tmp_path / "origin")
    origin.commit({name: name.encode() for name in NAMES})
    return origin


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "mirrors" / "copy"


def contents(copy: Path, commit: str, folder: str = "") -> dict[str, bytes]:
    members = tree(copy, commit, folder)
    blobs = dict(read_blobs(copy, [member.fingerprint.hex() for member in members]))
    return {member.name: blobs[member.fingerprint.hex()] for member in members}


def test_every_name_is_listed_and_read(origin: Origin, copy: Path) -> None:
    commit = mirror(origin.url, copy, "main")
    assert commit == origin.git("rev-parse", "HEAD")
    assert contents(copy, commit) == {name: name.encode() for name in NAMES}
    assert contents(copy, commit, "advisories/") == {
        name.removeprefix("advisories/"): name.encode() for name in NAMES if "/" in name
    }
    assert all(
        member.fault is None and member.size == len(member.name.encode()) for member in tree(copy, commit)
    )


def test_new_commits_and_a_rewritten_history_are_followed(origin: Origin, copy: Path) -> None:
    first = mirror(origin.url, copy, "main")
    assert mirror(origin.url, copy, "main") == first
    second = origin.commit({"b.json": b"2"})
    assert mirror(origin.url, copy, "main") == second
    origin.git("checkout", "--quiet", "--orphan", "fresh")
    origin.git("rm", "-rfq", ".")
    third = origin.commit({"c.json": b"3"})
    origin.git("branch", "--force", "main", "fresh")
    assert mirror(origin.url, copy, "main") == third
    assert contents(copy, third) == {"c.json": b"3"}
    # What a worker still reads of the older commit is there.
    assert contents(copy, second)["b.json"] == b"2"


def test_only_the_newest_commit_is_fetched(origin: Origin, copy: Path) -> None:
    for number in range(5):
        origin.commit({"big.json": bytes([number]) * 10})
    commit = mirror(origin.url, copy, "main")
    counted = subprocess.run(
        ["git", f"--git-dir={copy}", "rev-list", "--count", commit], check=True, capture_output=True
    )
    assert counted.stdout.strip() == b"1"


def test_only_one_branch_is_fetched(origin: Origin, copy: Path) -> None:
    origin.git("checkout", "--quiet", "-b", "release/1.0")
    commit = origin.commit({"r.json": b"r"})
    origin.git("tag", "v1")
    assert mirror(origin.url, copy, "release/1.0") == commit
    refs = subprocess.run(
        ["git", f"--git-dir={copy}", "for-each-ref"], check=True, capture_output=True
    ).stdout
    assert refs.count(b"\n") == 1


def test_progress_counts_objects(origin: Origin, copy: Path) -> None:
    origin.commit({f"n/{number}.json": str(number).encode() for number in range(300)})
    seen: list[tuple[int, int | None]] = []
    mirror(origin.url, copy, "main", lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    assert seen[-1][0] > 300


def test_links_submodules_large_and_hostile_names_carry_a_fault(origin: Origin, copy: Path) -> None:
    (origin.path / "link").symlink_to("/etc/passwd")
    (origin.path / "back\\slash").write_bytes(b"x")
    (origin.path / os.fsdecode(b"latin-\xe9")).write_bytes(b"x")
    head = origin.git("rev-parse", "HEAD")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    (origin.path / "large").write_bytes(b"x" * 1001)
    origin.git("add", "--all", "--", "link", "back\\slash", "large", os.fsdecode(b"latin-\xe9"))
    origin.git("commit", "--quiet", "--message", "odd")
    commit = mirror(origin.url, copy, "main")
    faults = {
        member.name: member.fault for member in tree(copy, commit, limits=Limits(max_member_bytes=1000))
    }
    assert {name: fault for name, fault in faults.items() if fault} == {
        "link": "symlink",
        "back\\slash": "path-outside",
        "latin-\\xe9": "bad-name",
        "module": "submodule",
        "large": "too-large",
    }


def test_a_clone_killed_half_way_is_made_again(origin: Origin, copy: Path) -> None:
    half = copy.with_name("copy.new")
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/heads/main\n")
    commit = mirror(origin.url, copy, "main")
    assert contents(copy, commit)["README.md"] == b"README.md"
    assert not half.exists()


PASS_ON = '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n'


def said_something(fifo: Path) -> bool:
    """Whether anybody writes to the pipe within 20 seconds."""
    descriptor = os.open(fifo, os.O_RDWR)
    try:
        return bool(select.select([descriptor], [], [], 20)[0])
    finally:
        os.close(descriptor)


@pytest.mark.fault
def test_a_killed_fetch_keeps_its_lock_until_git_has_ended(
    origin: Origin, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way to the server is a program that waits, so that the kill comes in the middle of a fetch."""
    started, go_on, ssh = tmp_path / "started", tmp_path / "go-on", tmp_path / "bin" / "ssh"
    os.mkfifo(started)
    os.mkfifo(go_on)
    ssh.parent.mkdir()
    ssh.write_text(PASS_ON)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    url = f"ssh://localhost{origin.path}"
    mirror(url, copy, "main")
    ssh.write_text(f"#!/bin/sh\necho > {started}\nread line < {go_on}\nexit 1\n")
    code = (
        "import sys; from pathlib import Path; from assay.kit.git import mirror\n"
        "mirror(sys.argv[1], Path(sys.argv[2]), 'main')"
    )
    with subprocess.Popen([sys.executable, "-c", code, url, str(copy)]) as process:
        assert said_something(started)
        os.kill(process.pid, signal.SIGKILL)
    ssh.write_text(PASS_ON)
    (copy / "shallow.lock").write_bytes(b"")
    with pytest.raises(Transient, match="another process"):
        mirror(url, copy, "main", waits=GitWaits(busy=0.1))
    go_on.write_text("\n")
    commit = origin.commit({"d.json": b"4"})
    assert mirror(url, copy, "main") == commit


def test_stale_lock_files_do_not_stop_a_fetch(origin: Origin, copy: Path) -> None:
    mirror(origin.url, copy, "main")
    for name in ("shallow.lock", "config.lock", "packed-refs.lock", "HEAD.lock", "refs/heads/main.lock"):
        (copy / name).write_bytes(b"")
    (copy / "objects" / "pack" / "tmp_pack_xyz").write_bytes(b"half")
    commit = origin.commit({"d.json": b"4"})
    assert mirror(origin.url, copy, "main") == commit
    assert not (copy / "objects" / "pack" / "tmp_pack_xyz").exists()


def test_a_damaged_copy_is_made_again(origin: Origin, copy: Path) -> None:
    mirror(origin.url, copy, "main")
    for path in (copy / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"rotten")
    commit = mirror(origin.url, copy, "main")
    assert contents(copy, commit)["README.md"] == b"README.md"
    (copy / "HEAD").unlink()
    assert contents(copy, mirror(origin.url, copy, "main"))["README.md"] == b"README.md"


def test_another_address_makes_another_copy(origin: Origin, copy: Path, tmp_path: Path) -> None:
    mirror(origin.url, copy, "main")
    other = Origin(tmp_path / "other")
    commit = other.commit({"o.json": b"o"})
    assert mirror(other.url, copy, "main") == commit
    assert contents(copy, commit) == {"o.json": b"o"}


def test_a_directory_of_somebody_else_is_not_touched(origin: Origin, copy: Path) -> None:
    copy.mkdir(parents=True)
    (copy / "thesis.txt").write_text("years of work")
    with pytest.raises(Permanent, match="no copy that Assay made"):
        mirror(origin.url, copy, "main")
    assert (copy / "thesis.txt").read_text() == "years of work"


def test_concurrent_callers_take_turns(origin: Origin, copy: Path) -> None:
    found: list[str] = []
    threads = [Thread(target=lambda: found.append(mirror(origin.url, copy, "main"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [origin.git("rev-parse", "HEAD")] * 4
    with hold(copy.with_name("copy.lock"), 0), pytest.raises(Transient, match="another process"):
        mirror(origin.url, copy, "main", waits=GitWaits(busy=0))


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch /tmp/pwned",
        "-oProxyCommand=x",
        "ext::sh -c touch% /tmp/pwned",
        "http://example.org/x.git",
        "git://example.org/x.git",
        "/plain/path",
        "relative",
        "",
        "ssh",
        "file:///x\ny",
        "a@b::c",
    ],
)
def test_hostile_and_unencrypted_addresses_are_refused(copy: Path, url: str) -> None:
    with pytest.raises(Permanent):
        mirror(url, copy, "main")
    assert not copy.parent.exists()


@pytest.mark.parametrize(
    "branch", ["", "-f", "a..b", "a b", "a:b", "refs/../x", "x.lock", "+main", "a\n", "x/", "@{1}"]
)
def test_hostile_branches_are_refused(origin: Origin, copy: Path, branch: str) -> None:
    with pytest.raises(Permanent, match="not the name of a branch"):
        mirror(origin.url, copy, branch)


def test_what_is_not_there_is_permanent(origin: Origin, copy: Path, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="check address, branch and access"):
        mirror(origin.url, copy, "gone")
    with pytest.raises(Permanent, match="check address"):
        mirror((tmp_path / "nowhere").as_uri(), copy, "main")
    assert not copy.exists()
    commit = mirror(origin.url, copy, "main")
    for folder, revision in [("none", commit), ("", "0" * 40), ("", "main"), ("", "--help")]:
        with pytest.raises(Permanent):
            tree(copy, revision, folder)
    with pytest.raises(Permanent, match="lacks the blob"):
        list(read_blobs(copy, ["0" * 40]))
    with pytest.raises(Permanent, match="is not an object id"):
        list(read_blobs(copy, ["HEAD:README.md\n"]))


def test_an_unreachable_server_is_transient_and_says_no_password(copy: Path) -> None:
    with pytest.raises(Transient) as caught:
        mirror("https://user:secret@127.0.0.1:1/x.git", copy, "main")
    assert "secret" not in str(caught.value)


def test_a_fetch_that_takes_too_long_is_stopped(origin: Origin, copy: Path) -> None:
    with pytest.raises(Transient, match="longer than 0 seconds"):
        mirror(origin.url, copy, "main", waits=GitWaits(fetch=0))
    assert mirror(origin.url, copy, "main") == origin.git("rev-parse", "HEAD")


def test_a_missing_git_is_permanent(origin: Origin, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Permanent, match="install git"):
        mirror(origin.url, copy, "main")
    with pytest.raises(Permanent, match="install git"):
        Blobs(copy)


def test_nobodys_configuration_counts(
    origin: Origin, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "file:///nowhere"]\n insteadOf = {origin.url}\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.file:///nowhere.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", origin.url)
    commit = mirror(origin.url, copy, "main")
    monkeypatch.delenv("GIT_DIR")
    assert contents(copy, commit)["README.md"] == b"README.md"


def test_hooks_do_not_run(origin: Origin, copy: Path, tmp_path: Path) -> None:
    mirror(origin.url, copy, "main")
    hook = copy / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    origin.commit({"d.json": b"4"})
    mirror(origin.url, copy, "main")
    assert not (tmp_path / "ran").exists()


def test_blobs_are_read_by_one_process_and_stopping_early_is_fine(origin: Origin, copy: Path) -> None:
    origin.commit({f"n/{number}.json": str(number).encode() * 1000 for number in range(500)})
    commit = mirror(origin.url, copy, "main")
    shas = [member.fingerprint.hex() for member in tree(copy, commit, "n")]
    some = read_blobs(copy, shas * 20)
    assert next(some)[0] == shas[0]
    some.close()
    with Blobs(copy) as blobs:
        assert blobs.read(shas[0], 10_000) == b"0" * 1000
        assert blobs.read("0" * 40, 10_000) is None
        assert blobs.read(commit, 10_000) is None
        with pytest.raises(Permanent, match="1,000 bytes, and 10 are the limit"):
            blobs.read(shas[0], 10)
        assert blobs.read(shas[0], 10_000) == b"0" * 1000
