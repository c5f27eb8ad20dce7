"""Configuration archives: the parser beside ksconf and configparser, uploads to complete, and answers.

    python benchmarks/configs.py FOLDER [--ksconf PYTHON] [--home HOME]

FOLDER holds splunk-etc.tar.gz. Larger trees are made of it by giving its apps other names: 30 MB and 70 MB; together
more than 700,000 settings are stored when questions are asked. ksconf runs in the environment that `make peers` made;
without its option it is left out. What is stored is compared with a count that does not use the parser.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from configparser import Error, RawConfigParser
from pathlib import Path
from typing import Any

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context, build
from assay.domain.splunk.conf import read
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering, uploading
from assay.pipelines.configs.model import Run, UploadKind
from assay.settings import Settings
from measuring import measure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from pipelines.configs.counting import count_archive

WHO = Principal(Kind.LOCAL, "benchmark", Role.ADMIN)
TREES = {"30 MB": (6, 5.0), "70 MB": (15, None)}
ROUNDS = 5
# ksconf in a process of its own: it reads paths from stdin and writes seconds, files that it refused and settings.
KSCONF = """
import io, json, sys, time
from ksconf.conf.parser import parse_conf, PARSECONF_LOOSE
paths = json.load(sys.stdin)
texts = [open(path, "rb").read() for path in paths]
best, bad, settings = 1e9, 0, 0
for _ in range(3):
    started, bad, settings = time.process_time(), 0, 0
    for text in texts:
        try:
            conf = parse_conf(io.StringIO(text.decode("utf-8-sig")), PARSECONF_LOOSE)
            settings += sum(map(len, conf.values()))
        except Exception:
            bad += 1
    best = min(best, time.process_time() - started)
print(json.dumps([best, bad, settings]))
"""


def parsers(archive: Path, work: Path, ksconf: str | None) -> None:
    """Megabytes and stanzas a second of processor time, of the same files."""
    contents: list[bytes] = []
    paths: list[str] = []
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and member.name.endswith(".conf"):
                source = packed.extractfile(member)
                assert source is not None
                contents.append(source.read())
                path = work / f"{len(paths)}.conf"
                path.write_bytes(contents[-1])
                paths.append(str(path))
    size = sum(map(len, contents)) / 1e6
    best, stanzas, settings = 1e9, 0, 0
    for _ in range(ROUNDS):
        started = time.process_time()
        confs = [read(content) for content in contents]
        best = min(best, time.process_time() - started)
        stanzas = sum(len(conf.stanzas) for conf in confs)
        settings = sum(len(found) for conf in confs for found in conf.merged().values())
    print(f"parsers: {len(contents)} files, {size:.1f} MB, {stanzas:,} stanzas")
    _line("assay", best, size, stanzas, 0, settings)
    if ksconf is not None:
        ended = subprocess.run(
            [ksconf, "-c", KSCONF], input=json.dumps(paths), capture_output=True, text=True, check=True
        )
        seconds, bad, found = json.loads(ended.stdout)
        _line("ksconf, loose", seconds, size, stanzas, bad, found)
    else:
        print("  ksconf is not there: `make peers` installs it")
    seconds, bad, found = _configparser(contents)
    _line("configparser", seconds, size, stanzas, bad, found)


def _configparser(contents: list[bytes]) -> tuple[float, int, int]:
    started, bad, found = time.process_time(), 0, 0
    for content in contents:
        parser = RawConfigParser(
            delimiters=("=",),
            comment_prefixes=("#", ";"),
            strict=False,
            allow_no_value=True,
            interpolation=None,
            default_section="\0",
        )
        try:
            parser.read_string(content.decode("utf-8-sig"))
            found += sum(len(parser[name]) for name in parser.sections())
        except (Error, UnicodeDecodeError, AttributeError):
            bad += 1
    return time.process_time() - started, bad, found


def _line(name: str, seconds: float, size: float, stanzas: int, bad: int, settings: int) -> None:
    print(
        f"  {name:<14} {size / seconds:7.1f} MB/s {stanzas / seconds:10,.0f} stanzas/s"
        f"  {bad} files refused, {settings:,} settings"
    )


def enlarged(archive: Path, times: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The members of an archive, its apps several times under other names."""
    with tarfile.open(archive) as packed:
        for member in packed:
            if not member.isfile():
                continue
            source = packed.extractfile(member)
            assert source is not None
            content = source.read()
            head, _, rest = member.name.partition("/apps/")
            for number in range(times if rest else 1):
                info = tarfile.TarInfo(f"{head}/apps/{number:02}_{rest}" if number else member.name)
                info.size = len(content)
                yield info, content


def upload(ctx: Context, label: str, content: bytes, promised: float | None) -> Run:
    """One upload to complete, measured, and counted without the parser."""
    with measure(None) as cost:
        stored = uploading.keep(ctx.uploads, iter([content]))
        done = uploading.note(
            ctx,
            stored,
            kind=UploadKind.INSTANCE_ETC,
            label=label,
            file_name="etc.tar.gz",
            who=WHO,
            is_deferred=False,
        )
        run = uploading.parse_now(ctx, done.run, lambda _: None)
    _, counted = count_archive(ctx.uploads.path(run.sha256))
    with ctx.db.transaction() as conn:
        kept = queries.count_settings(conn, run)
    verdict = "" if promised is None else f" (promised under {promised:g} s)"
    print(
        f"upload {label}: {cost.seconds:.1f} s{verdict}, {cost.cpu['sync']:.1f} s of them Python's, peak "
        f"{max(cost.peaks.values(), default=0) >> 20} MiB (promised under 500); "
        f"{kept:,} settings stored, {counted:,} counted without the parser"
    )
    assert kept == counted == run.counts["settings"]
    return run


def questions(ctx: Context, run: Run) -> None:
    """What the effective configuration of one file costs; the database has been used before."""
    with ctx.db.transaction() as conn:
        row = conn.execute("SELECT count(*) FROM configs.settings").fetchone()
        assert row is not None
        print(f"questions, with {row[0]:,} settings stored (promised under 200 ms each)")
        sizes = {one.conf: one.settings for one in queries.list_confs(conn, run)}
        wanted = ("inputs", "outputs", "props", "transforms", "indexes", "macros", "savedsearches")
        for conf in (name for name in wanted if name in sizes):
            times = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                found = answering.effective(conn, run, conf)
                times.append(time.perf_counter() - started)
            milliseconds = sorted(times)[ROUNDS // 2] * 1000
            held = f"{sizes[conf]:,} settings in {len(found.stanzas):,} stanzas"
            print(f"  effective {conf:<14} {milliseconds:8.1f} ms, {held}")
            name = next(iter(found.stanzas))
            started = time.perf_counter()
            answering.effective(conn, run, conf, stanzas=[name])
            print(f"    one stanza             {(time.perf_counter() - started) * 1000:8.1f} ms")
            started = time.perf_counter()
            answering.part(conn, run, conf, choice=answering.Choice(limit=25))
            print(f"    a page of 25           {(time.perf_counter() - started) * 1000:8.1f} ms")


def main() -> None:
    """Measure everything, in an Assay of its own."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("folder", type=Path)
    options.add_argument("--ksconf", help="the Python of an environment with ksconf")
    options.add_argument("--home", type=Path)
    chosen = options.parse_args()
    archive = chosen.folder / "splunk-etc.tar.gz"
    if not archive.is_file():
        raise SystemExit(f"{archive} is missing")
    with tempfile.TemporaryDirectory(prefix="assay-configs-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the server's own user must enter it
        work = Path(folder)
        (work / "confs").mkdir()
        parsers(archive, work / "confs", chosen.ksconf)
        settings: dict[str, Any] = {"home": chosen.home or work / "home", "processes": 1}
        with build(Settings(**settings)) as ctx:
            for label, (times, promised) in TREES.items():
                run = upload(ctx, label, _packed(archive, times), promised)
            questions(ctx, run)


def _packed(archive: Path, times: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as packed:
        for info, content in enlarged(archive, times):
            packed.addfile(info, io.BytesIO(content))
    return out.getvalue()


if __name__ == "__main__":
    main()
