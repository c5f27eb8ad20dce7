"""How right the rules of feeds are on prose whose records carry labels, field by field, and what a text costs.

    python benchmarks/prose.py FOLDER [--split later|earlier] [--texts N] [--json]

FOLDER holds cve.zip, osv.zip and feeds.tar.gz. The rules were written with records published before SPLIT in view,
and the model of weaknesses was fitted on these; `later`, the default, reads only records published since, of
vulnerabilities that no earlier record describes. The identifier stands where entries have it: in the title, in the last
sentence or in the entry's address, by turns. Severity and vectors are measured where the text gives any.
"""

import argparse
import json
import random
import re
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import feedparser

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.rules.cleaning import clean
from assay.pipelines.feeds.rules.labels import Labelled, of_cve, of_osv
from assay.pipelines.feeds.rules.measuring import FIELDS, Rate, calibration_error, count, share
from assay.pipelines.feeds.rules.reading import read_text

SPLIT = "2024-07"
SEED = 6
WIDTHS = (("answered", 10), ("right", 8), ("precision", 11), ("accepted", 8), ("accepted_right", 8))
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_KEY = re.compile(r"^ {2}(CVE-[0-9]{4}-[0-9]{4,}):", re.MULTILINE)


def records(archive: Path, read: Callable[[bytes], Labelled | None], prefix: str) -> Iterator[Labelled]:
    with zipfile.ZipFile(archive) as opened:
        for name in sorted(opened.namelist()):
            if name.endswith(".json") and Path(name).name.startswith(prefix):
                label = read(opened.read(name))
                # Kernel texts are commit messages; those of the real mails are among the bulletins.
                if label is not None and label.published and label.source != "Linux":
                    yield label


def chosen(folder: Path, split: str, texts: int) -> dict[str, list[Labelled]]:
    """Texts by kind, of one side of the split."""
    everything = {
        "cve": list(records(folder / "cve.zip", of_cve, "CVE-")),
        "ghsa": list(records(folder / "osv.zip", of_osv, "GHSA-")),
    }
    known = {one.name for several in everything.values() for one in several if one.published < SPLIT}
    found = {}
    for kind, several in everything.items():
        side = [
            one
            for one in several
            if (
                one.published < SPLIT
                if split == "earlier"
                else one.published >= SPLIT and one.name not in known
            )
        ]
        found[kind] = random.Random(SEED).sample(side, min(texts, len(side)))
    return found


def written(label: Labelled, turn: int) -> tuple[bytes, str | None, str | None]:
    """The record's prose as a feed's entry would bring it: Markdown, the title, the address."""
    title, body, address = label.title, label.body, None
    identifier = next((name for name in sorted(label.ids) if name.startswith("CVE-")), label.name)
    if turn % 3 == 0:
        title = f"{identifier}: {title}" if title else identifier
    elif turn % 3 == 1:
        body = f"{body}\n\nThis issue has been assigned {identifier}."
    else:
        address = f"https://advisories.example.org/{identifier}"
    links = "".join(f"\n- {link}" for link in label.links)
    body = f"{body}\n\nReferences\n{links}" if links else body
    return body.encode(), title or None, address


def entry(label: Labelled, turn: int) -> Prose:
    """The record's prose, made readable."""
    raw, title, address = written(label, turn)
    return clean(raw, "text/markdown", title, address)


def bulletins(folder: Path) -> Iterator[tuple[str, Prose, set[str]]]:
    """Real entries and bulletins with the identifiers that their publishers gave them apart from the prose."""
    with tarfile.open(folder / "feeds.tar.gz") as opened:
        for member in opened:
            read = opened.extractfile(member) if member.isfile() else None
            if read is None:
                continue
            raw, name = read.read(), Path(member.name).name
            kind = member.name.split("/")[1]
            if kind == "atom":
                for one in feedparser.parse(raw).entries:
                    content = one.content[0].value if one.get("content") else ""
                    prose = clean(content.encode(), "text/html", one.title, one.link)
                    yield kind, prose, {one.link.rpartition("/")[2]}
            elif kind == "kernel":
                yield kind, clean(raw, "message/rfc822", None, None), set(_CVE.findall(name))
            elif kind == "curl":
                yield kind, clean(raw, "text/markdown", None, None), set(_CVE.findall(name))
            elif name.endswith(".yml"):
                yield kind, clean(raw, "application/yaml", None, None), set(_KEY.findall(raw.decode()))


def measured(folder: Path, split: str, texts: int) -> dict[str, object]:
    tables: dict[str, object] = {}
    spent, read = 0.0, 0
    for kind, several in chosen(folder, split, texts).items():
        rates: dict[str, Rate] = {}
        for turn, label in enumerate(several):
            started = time.process_time()
            reading = read_text(entry(label, turn))
            spent += time.process_time() - started
            read += 1
            count(rates, label, reading.subjects[0])
        tables[kind] = {
            "texts": len(several),
            "fields": {name: row(rates[name]) for name in FIELDS if name in rates},
        }
    right: dict[str, list[int]] = {}
    alarms = advisories = 0
    for kind, prose, names in bulletins(folder):
        reading = read_text(prose)
        alarms += bool(reading.orders)
        advisories += reading.is_advisory
        given = {
            one.value for subject in reading.subjects for one in (subject.identifier, *subject.aliases) if one
        }
        is_right = names <= given if kind == "atom" else names == given
        if names:
            right.setdefault(kind, []).append(is_right)
    tables["bulletins"] = {
        "identifiers": {kind: f"{sum(ones)} of {len(ones)}" for kind, ones in right.items()},
        "advisories": advisories,
        "false_alarms": alarms,
        "entries": sum(map(len, right.values())),
    }
    tables["cpu_ms_per_text"] = round(1_000 * spent / read, 2)
    return tables


def row(rate: Rate) -> dict[str, float | int | None]:
    error = calibration_error(rate.curve)
    return {
        "of": rate.of,
        "answered": share(rate.answered, rate.of),
        "right": share(rate.right, rate.of),
        "precision": share(rate.right, rate.answered),
        "accepted": share(rate.accepted, rate.of),
        "accepted_right": share(rate.accepted_right, rate.accepted),
        "calibration_error": error,
    }


def shown(tables: dict[str, object]) -> Iterator[str]:
    for kind, table in tables.items():
        if not isinstance(table, dict) or "fields" not in table:
            yield f"{kind}: {table}"
            continue
        yield f"\n{kind}, {table['texts']:,} texts"
        yield "field                 of  answered   right  precision  at 0.8   right   error"
        for name, one in table["fields"].items():
            cells = "".join(
                f"{'-' if one[key] is None else format(100 * one[key], '.1f'):>{width}}"
                for key, width in (
                    ("answered", 10),
                    ("right", 8),
                    ("precision", 11),
                    ("accepted", 8),
                    ("accepted_right", 8),
                )
            )
            yield f"{name:<18}{one['of']:>6}{cells}{one['calibration_error']:>8.3f}"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("--split", choices=("later", "earlier"), default="later")
    asked.add_argument("--texts", type=int, default=3_000)
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    tables = measured(given.folder, given.split, given.texts)
    print(json.dumps(tables, indent=1) if given.json else "\n".join(shown(tables)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
