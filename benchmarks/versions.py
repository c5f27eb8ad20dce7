"""How many version keys a second each ordering family encodes, on the real versions of an OSV archive.

    python benchmarks/versions.py FOLDER [--seconds S]

FOLDER holds osv.zip. Every version that its records name (enumerated, and in the events of ranges) is encoded again
and again for S seconds: first by the encoder alone, then through `key`, which answers a version it has just seen from
memory. Families that the archive holds nothing of are not shown.
"""

import argparse
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec

from assay.domain.osv import EVENT_KINDS, Affected
from assay.domain.versions import ENCODER_VERSION, ENCODERS, Family, family_key, family_of


class Record(msgspec.Struct):
    """What of an OSV record names versions."""

    affected: tuple[Affected, ...] = ()


def versions_of(archive: Path) -> dict[Family, list[str]]:
    """Every version of the archive once, in the order in which the records name them."""
    decoder = msgspec.json.Decoder(Record)
    found: dict[Family, dict[str, None]] = defaultdict(dict)
    with zipfile.ZipFile(archive) as records:
        for name in records.namelist():
            for affected in decoder.decode(records.read(name)).affected:
                family = family_of(affected.package.ecosystem) if affected.package else None
                if family is not None:
                    found[family].update(dict.fromkeys(named(affected)))
    return {family: list(versions) for family, versions in sorted(found.items())}


def named(affected: Affected) -> list[str]:
    """The versions that one entry names, commits left out."""
    events = [event for each in affected.ranges if each.type != "GIT" for event in each.events]
    bounds = [getattr(event, kind) for event in events for kind in EVENT_KINDS]
    return [*affected.versions, *(bound for bound in bounds if bound is not None)]


def per_second(encode: Callable[[str], object], versions: list[str], seconds: float) -> float:
    """Calls a second over the versions in turn, unreadable ones included."""
    calls, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        for version in versions:
            encode(version)
        calls += len(versions)
    return calls / spent


def bench(family: Family, versions: list[str], seconds: float) -> str:
    """One line of the table."""
    encoder = ENCODERS[family]

    def bare(version: str) -> bytes | None:
        try:
            return encoder(version)
        except ValueError:
            return None

    keys = [found for version in versions if (found := family_key(family, version)) is not None]
    bare_rate = per_second(bare, versions, seconds)
    rate = per_second(lambda version: family_key(family, version), versions, seconds)
    lengths = sorted(map(len, keys))
    return (
        f"{family:10} {len(versions):9,} {len(versions) - len(keys):8,} {bare_rate:12,.0f} {rate:12,.0f}"
        f" {sum(lengths) / len(lengths):10.1f} {lengths[-1]:8}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    options = parser.parse_args()
    pools = versions_of(options.folder / "osv.zip")
    print(f"version keys, encoder {ENCODER_VERSION}")
    columns = f"{'encoded/s':>12} {'by key()/s':>12} {'mean bytes':>10} {'longest':>8}"
    print(f"{'family':10} {'versions':>9} {'unknown':>8} {columns}")
    for family, versions in pools.items():
        print(bench(family, versions, options.seconds))


if __name__ == "__main__":
    main()
