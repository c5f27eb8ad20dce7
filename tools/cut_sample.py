"""Cuts `sample/` from the full archives: a few MB in which the sources speak of the same vulnerabilities.

The cut is deterministic: the same archives give the same bytes. Kept are, in this order, records with a quirk
that a reader must survive, records of vulnerabilities that KEV lists, a few of every database, records of the
vulnerabilities that most databases speak of, and a seeded choice of the rest.

    python tools/cut_sample.py FOLDER [--out sample]

FOLDER holds osv.zip, gitlab.zip, cve.zip, kev/known_exploited_vulnerabilities.json and
epss/epss_scores-2021-08-31.csv.gz.
"""

import argparse
import gzip
import json
import random
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SIZES = {"osv": 1000, "gitlab": 500, "cve": 750}
KEV_AMONG = 70
KEV_BESIDES = 50
EPSS_BESIDES = 1500
EPSS_DAY = "2021-08-31"
SEED = 20210831
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
# One record above this many bytes would take more room than thirty others.
LARGEST = 60_000

_NAME = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}|GHSA(?:-[0-9a-z]{4}){3}")
# identifiers:\n- "CVE-2012-3458"\n- "GHSA-39vm-p9mr-4r27"\n
_IDENTIFIERS = re.compile(r'^identifiers:\n((?:- "[^"\n]*"\n)+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Member:
    """One record of an archive: its path, the names it gives to its vulnerability, its raw bytes."""

    archive: str
    path: str
    names: frozenset[str]
    raw: bytes
    quirks: tuple[str, ...] = ()

    @property
    def database(self) -> str:
        """`GHSA`, `PYSEC`, ... within OSV; the package type within GitLab; `CVE`."""
        if self.archive == "gitlab":
            return "gitlab/" + self.path.split("/")[1]
        return Path(self.path).name.split("-", maxsplit=1)[0]


@dataclass(slots=True)
class Cut:
    """The records chosen so far, never more than an archive's share."""

    chosen: dict[str, dict[str, Member]] = field(
        default_factory=lambda: {archive: {} for archive in SIZES},
    )

    def take(self, members: Iterable[Member]) -> None:
        for member in members:
            kept = self.chosen[member.archive]
            if len(kept) < SIZES[member.archive] and len(member.raw) <= LARGEST:
                kept[member.path] = member

    def is_full(self, archive: str, share: float = 1.0) -> bool:
        return len(self.chosen[archive]) >= SIZES[archive] * share

    def cves(self) -> set[str]:
        members = (m for kept in self.chosen.values() for m in kept.values())
        return {name for m in members for name in m.names if name.startswith("CVE-")}


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the zip, by path."""
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith("/"):
                yield name, archive.read(name)


def read_osv(folder: Path) -> Iterator[Member]:
    for path, raw in members(folder / "osv.zip"):
        record = json.loads(raw)
        names = {record["id"], *(record.get("aliases") or ())}
        yield Member("osv", path, frozenset(names), raw, tuple(osv_quirks(record)))


def osv_quirks(record: Mapping[str, Any]) -> Iterator[str]:
    """What is unusual about an OSV record, with its database where that matters."""
    database = record["id"].split("-")[0]
    aliases = record.get("aliases") or []
    if sum(name.startswith("CVE-") for name in aliases) > 1:
        yield f"several CVEs {database}"
    if record.get("withdrawn"):
        yield f"withdrawn {database}"
    if record.get("modified", "").startswith("0001"):
        yield f"year 1 {database}"
    if not record.get("published"):
        yield f"no publication {database}"
    if len(set(aliases)) != len(aliases):
        yield "the same alias twice"
    if any(name != name.strip(" ,") for name in aliases):
        yield "an alias with edges"
    affected = record.get("affected") or []
    if not any(one.get("ranges") or one.get("versions") for one in affected):
        yield "affects nothing"
    if "nightly" in json.dumps(affected):
        yield f"nightly versions {database}"
    if {"CVSS_V3", "CVSS_V4"} <= {one.get("type") for one in record.get("severity") or ()}:
        yield "two CVSS versions"


def read_gitlab(folder: Path) -> Iterator[Member]:
    for path, raw in members(folder / "gitlab.zip"):
        text = raw.decode()
        block = _IDENTIFIERS.search(text)
        names = re.findall(r'"([^"\n]+)"', block[1]) if block else []
        yield Member("gitlab", path, frozenset(names), raw, tuple(gitlab_quirks(path, text)))


def gitlab_quirks(path: str, text: str) -> Iterator[str]:
    kind = path.split("/")[1]
    if "fixed_versions:" not in text:
        yield f"no fix {kind}"
    if "cvss_v3" not in text:
        yield f"no CVSS {kind}"
    if re.search(r'^affected_range: "(<0|>=0[.0]*|\*)?"$', text, re.MULTILINE):
        yield f"everything or nothing {kind}"
    if re.search(r"^affected_range: .*[|][|]", text, re.MULTILINE):
        yield f"several ranges {kind}"
    if not _NAME.search(Path(path).name):
        yield f"another identifier {kind}"
    if "\n  commit:" in text or "\n- number:" in text:
        yield "commits"


def read_cve(folder: Path) -> Iterator[Member]:
    for path, raw in members(folder / "cve.zip"):
        record = json.loads(raw)
        yield Member("cve", path, frozenset({Path(path).stem}), raw, tuple(cve_quirks(record)))


def cve_quirks(record: Mapping[str, Any]) -> Iterator[str]:
    metadata, containers = record["cveMetadata"], record["containers"]
    state = metadata.get("state", "no state")
    yield f"record format {record['dataVersion']}"
    if state != "PUBLISHED":
        yield state
    if "datePublished" not in metadata:
        yield f"no date {record['dataVersion']}"
    cna = containers["cna"]
    if len(cna.get("descriptions") or ()) > 1:
        yield "several languages"
    if len(containers.get("adp") or ()) > 1:
        yield "several ADP containers"
    if any("metrics" in one for one in containers.get("adp") or ()):
        yield "scored by ADP"
    formats = {key for one in cna.get("metrics") or () for key in one if key.startswith("cvss")}
    yield from (f"CNA {one}" for one in sorted(formats))
    if "title" not in cna:
        yield "no title"
    versions = [v for one in cna.get("affected") or () for v in one.get("versions") or ()]
    if any(" through " in str(v.get("version")) for v in versions):
        yield "prose versions"


def by_database(everything: Iterable[Member], each: int, chance: random.Random) -> list[Member]:
    """A few records of every database."""
    found: dict[str, list[Member]] = defaultdict(list)
    for member in everything:
        found[member.database].append(member)
    return [m for name in sorted(found) for m in chance.sample(found[name], min(each, len(found[name])))]


def by_quirk(everything: Iterable[Member], each: int, chance: random.Random) -> list[Member]:
    """A few records of every quirk; of the records with several CVEs all that RustSec has."""
    found: dict[str, list[Member]] = defaultdict(list)
    for member in everything:
        for quirk in member.quirks:
            found[f"{member.archive}: {quirk}"].append(member)
    chosen: list[Member] = []
    for quirk in sorted(found):
        limit = len(found[quirk]) if quirk.endswith("several CVEs RUSTSEC") else each
        chosen += chance.sample(found[quirk], min(limit, len(found[quirk])))
    return chosen


def fixes(member: Member) -> frozenset[str]:
    """The versions an OSV record names as fixed."""
    return frozenset(
        event["fixed"]
        for affected in json.loads(member.raw).get("affected") or ()
        for one in affected.get("ranges") or ()
        if one.get("type") != "GIT"
        for event in one.get("events") or ()
        if "fixed" in event
    )


def disagreeing(by_name: Mapping[str, list[Member]], chance: random.Random, count: int) -> list[Member]:
    """Pairs of a PYSEC and a GHSA record of the same CVE that name different fixes."""
    pairs: list[tuple[Member, Member]] = []
    for name in sorted(by_name):
        if name.startswith("CVE-"):
            of = {member.database: member for member in by_name[name]}
            if "PYSEC" in of and "GHSA" in of and not fixes(of["PYSEC"]) & fixes(of["GHSA"]):
                pairs.append((of["PYSEC"], of["GHSA"]))
    return [member for pair in chance.sample(pairs, min(count, len(pairs))) for member in pair]


def ranked(by_name: Mapping[str, list[Member]], chance: random.Random) -> list[str]:
    """CVE ids, those first of which most archives, then most databases speak; ties are shuffled."""

    def voices(name: str) -> tuple[int, int]:
        spoken = by_name[name]
        return len({member.archive for member in spoken}), len({member.database for member in spoken})

    cves = sorted(name for name in by_name if name.startswith("CVE-"))
    chance.shuffle(cves)
    return sorted(cves, key=voices, reverse=True)


def choose(everything: list[Member], exploited: set[str]) -> Cut:
    """The records of the sample, in the order that the module describes."""
    chance = random.Random(SEED)
    by_name: dict[str, list[Member]] = defaultdict(list)
    for member in everything:
        for name in member.names:
            by_name[name].append(member)
    cut = Cut()
    seeds = by_quirk(everything, 2, chance) + disagreeing(by_name, chance, 20)
    cut.take(by_name["CVE-2021-44228"] + by_name["CVE-2023-44487"])
    cut.take(seeds)
    cut.take(m for seed in seeds for name in sorted(seed.names) for m in by_name[name])
    listed = chance.sample(sorted(exploited & set(by_name)), KEV_AMONG)
    cut.take(m for name in listed for m in by_name[name])
    cut.take(by_database(everything, 15, chance))
    for archive in SIZES:
        # Names that this archive has are walked until it is nearly full; what the others say comes along.
        for name in ranked(by_name, chance):
            if cut.is_full(archive, share=0.85):
                break
            if any(member.archive == archive for member in by_name[name]):
                cut.take(by_name[name])
    rest = sorted(everything, key=lambda member: (member.archive, member.path))
    chance.shuffle(rest)
    cut.take(rest)
    return cut


def write_zip(path: Path, chosen: Mapping[str, Member]) -> None:
    """The records as a zip, sorted and without the clock."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(chosen):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(info, chosen[name].raw)


def write_gzip(path: Path, content: bytes) -> None:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(content)


def some(of: Iterable[str], wanted: set[str], besides: int) -> set[str]:
    """The wanted names that are there, and a seeded choice of others."""
    names = sorted(set(of))
    others = [name for name in names if name not in wanted]
    return wanted & set(names) | set(random.Random(SEED).sample(others, besides))


def cut_kev(listing: Mapping[str, Any], cves: set[str]) -> bytes:
    """KEV's own document with fewer entries; `count` says how many, as CISA's does."""
    kept = some((one["cveID"] for one in listing["vulnerabilities"]), cves, KEV_BESIDES)
    entries = [one for one in listing["vulnerabilities"] if one["cveID"] in kept]
    document = {**listing, "count": len(entries), "vulnerabilities": entries}
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def cut_epss(packed: bytes, cves: set[str]) -> bytes:
    """The day's file with fewer rows; comment line and header stay."""
    comment, header, *rows = gzip.decompress(packed).decode().splitlines()
    kept = some((row.split(",")[0] for row in rows), cves, EPSS_BESIDES)
    return "\n".join([comment, header, *(row for row in rows if row.split(",")[0] in kept), ""]).encode()


READERS: dict[str, Callable[[Path], Iterator[Member]]] = {
    "osv": read_osv,
    "gitlab": read_gitlab,
    "cve": read_cve,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the full archives are")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "sample")
    arguments = parser.parse_args()
    folder, out = arguments.folder, arguments.out

    kev = json.loads((folder / "kev" / "known_exploited_vulnerabilities.json").read_bytes())
    everything = [member for read in READERS.values() for member in read(folder)]
    cut = choose(everything, {one["cveID"] for one in kev["vulnerabilities"]})
    out.mkdir(parents=True, exist_ok=True)
    for archive, chosen in cut.chosen.items():
        write_zip(out / f"{archive}.zip", chosen)
        print(archive, len(chosen), dict(sorted(Counter(m.database for m in chosen.values()).items())))
    cves = cut.cves()
    write_gzip(out / "kev.json.gz", cut_kev(kev, cves))
    day = (folder / "epss" / f"epss_scores-{EPSS_DAY}.csv.gz").read_bytes()
    write_gzip(out / "epss.csv.gz", cut_epss(day, cves))
    print("CVE ids", len(cves), "bytes", sum(path.stat().st_size for path in out.iterdir()))


if __name__ == "__main__":
    main()
