"""What a whole pass over waiting entries costs: taken, read, settled, told to the catalog, merged.

    python benchmarks/processing.py FOLDER [--texts N] [--profile single|bulletins]

FOLDER holds cve.zip, osv.zip and feeds.tar.gz. The catalog holds the sample's records. `single` entries are the prose
of CVE records and of GitHub's advisories, one vulnerability each; `bulletins` are the real entries of feeds, of which
many name dozens. The merge runs after every batch, as it does in a worker that has nothing else to do. Beside the pass
stands the reading of the same entries alone. Seconds are of processors: of our process, and of PostgreSQL's apart. The
exit code is 1 where single entries come through slower than promised.
"""

import argparse
import cProfile
import pstats
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.bootstrap import Context
from assay.catalog import commands as catalog
from assay.pipelines.feeds.commands.processing import process_now
from assay.pipelines.feeds.model.documents import Document
from assay.pipelines.feeds.model.entries import RawEntry, Received, Weight
from assay.pipelines.feeds.model.review import Stats
from assay.pipelines.feeds.model.sources import Kind
from assay.pipelines.feeds.sources import discover
from assay.pipelines.feeds.store import entries as store
from assay.pipelines.feeds.store.sources import Setup, add_source
from assay.pipelines.feeds.tasks.naming import gather
from assay.pipelines.feeds.tasks.processing import names_known, read_batch
from measuring import Measured, measure
from prose import chosen, written
from run import fresh_context, server_pid, sync

SAMPLE = Path(__file__).parent.parent / "sample"
SOURCES = ("osv", "gitlab", "cve")
PROMISE = 50
"""Single entries a second of our process."""


@dataclass(frozen=True, slots=True)
class Came:
    """What became of some entries, what the pass cost, and what reading alone cost, in seconds of our process."""

    entries: int
    stats: Stats
    cost: Measured
    reading: float

    @property
    def ours(self) -> float:
        """Seconds of our processes."""
        return self.cost.cpu["sync"] + self.cost.cpu["worker"]

    @property
    def claims(self) -> int:
        """Extractions, whatever came of them."""
        return self.stats.created + self.stats.updated + self.stats.skipped + self.stats.duplicates


def main() -> int:
    """Measure both kinds, print, and say whether the promise is kept."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--texts", type=int, default=500, help="single entries of each kind of record")
    arguments.add_argument("--profile", choices=("single", "bulletins"), help="show where the time goes")
    given = arguments.parse_args()
    kinds = {"single": single(given.data, given.texts), "bulletins": bulletins(given.data / "feeds.tar.gz")}
    with fresh_context() as ctx:
        sync(ctx, {source: SAMPLE / f"{source}.zip" for source in SOURCES})
        gather(ctx)
        came = {
            kind: measured(ctx, kind, entries) for kind, entries in kinds.items() if kind != given.profile
        }
        if given.profile:
            profile(lambda: measured(ctx, given.profile, kinds[given.profile]))
            return 0
    print(table(came))
    rate = came["single"].entries / came["single"].ours
    if rate < PROMISE:
        print(f"MISSED: {rate:.0f} single entries a second instead of {PROMISE}", file=sys.stderr)
    return int(rate < PROMISE)


def single(folder: Path, texts: int) -> list[Received]:
    """The prose of records, as a feed would bring it; each record once."""
    found: dict[str, Received] = {}
    for several in chosen(folder, "later", texts).values():
        for turn, label in enumerate(several):
            raw, title, address = written(label, turn)
            found[label.name] = Received(
                key=label.name, media_type="text/markdown", raw=raw, title=title, address=address
            )
    return list(found.values())


def bulletins(archive: Path) -> list[Received]:
    """Every entry of the archive's feeds, and its files, as the readers of these kinds give them."""
    readers = discover()
    found: dict[str, Received] = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            read = opened.extractfile(member) if member.isfile() else None
            if read is None:
                continue
            reader = readers[Kind.FEED if "/atom/" in member.name else Kind.FILES]
            document = Document(address=member.name, content=read.read())
            found |= {one.key: one for one in reader.read(document, reader.options()).entries}
    return list(found.values())


def measured(ctx: Context, name: str, entries: Sequence[Received]) -> Came:
    """A pass over these entries as one new source, until nothing waits."""
    wait(ctx, name, entries)
    with measure(server_pid(ctx)) as cost:
        stats = passed(ctx)
    if stats.failed or stats.processed != len(entries):
        raise SystemExit(f"{name}: not every entry was read: {stats}")
    return Came(len(entries), stats, cost, read_alone(ctx, name, entries))


def wait(ctx: Context, name: str, entries: Sequence[Received]) -> None:
    """Let entries wait as a fetch leaves them."""
    now = ctx.clock()
    setup = Setup(f"https://{name}.example.org/feed", {}, None, (), 3_600, is_enabled=False)
    with ctx.db.transaction() as conn:
        source = add_source(conn, name, Kind.FEED.value, setup, "bench", now)
        assert source is not None
        store.add(conn, source, entries, lambda _: Weight(0, is_monitored=False), now)


def passed(ctx: Context) -> Stats:
    """What processing came to, batch by batch with a merge after each."""
    total = Stats()
    while (stats := process_now(ctx)).processed:
        catalog.merge(ctx, lambda *_: None)
        total.add(stats)
    return total


def read_alone(ctx: Context, name: str, entries: Sequence[Received]) -> float:
    """Seconds of our process for reading the same entries, with nothing before and behind it."""
    names = names_known(ctx)
    batch = [
        RawEntry(
            id=number, source=1, source_name=name, key=one.key, media_type=one.media_type, address=one.address,
            title=one.title, published_at=one.published_at, raw=one.raw, attempts=1, is_monitored=False, priority=0,
        )
        for number, one in enumerate(entries)
    ]  # fmt: skip
    started = time.process_time()
    read_batch(batch, names)
    return time.process_time() - started


def table(came: dict[str, Came]) -> str:
    """What it came to, as Markdown."""
    lines = [
        "| entries | number | claims | entries/s | claims/s | entries/s with PostgreSQL's | reading alone | wall |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind, one in came.items():
        ours, both = one.ours, one.cost.cpu_seconds
        lines.append(
            f"| {kind} | {one.entries:,} | {one.claims:,} | {one.entries / ours:.0f} | {one.claims / ours:.0f} | "
            f"{one.entries / both:.0f} | {one.entries / one.reading:.0f} | {one.cost.seconds:.1f} s |"
        )
    return "\n".join(lines)


def profile(work: Callable[[], object]) -> None:
    """Print where our process spends the time."""
    watched = cProfile.Profile()
    watched.runcall(work)
    pstats.Stats(watched).sort_stats("cumulative").print_stats(70)


if __name__ == "__main__":
    raise SystemExit(main())
