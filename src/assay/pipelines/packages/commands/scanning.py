"""Inventories against the catalog, in one statement for all of them, and what the findings come to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from assay.catalog.queries import Brief, Pin, affecting_commits, find_briefs, last_change, match
from assay.domain.origins import read_commit
from assay.errors import Permanent
from assay.kit.db import Connection
from assay.pipelines.packages import queries
from assay.pipelines.packages.model import (
    Finding,
    Inventory,
    Scan,
    ScannedFile,
    Standing,
    Subject,
    Unreadable,
    Vulnerability,
)
from assay.pipelines.packages.rules import ignoring, judging
from assay.pipelines.packages.rules.assembling import in_order, questions

FailOn = judging.FailOn
Verdict = judging.Verdict
IgnoreRule = ignoring.Rule
read_ignore_rules = ignoring.read_rules
verdict = judging.verdict
fails = judging.fails

# (finding's subject, vulnerability's key, whether it is only not known, the version that fixes it)
_Said = tuple[Subject, int, bool, str | None]


def require_data(conn: Connection) -> None:
    """Raise Permanent for a catalog that knows no package: it would call everything clean."""
    if not queries.has_data(conn):
        raise Permanent("the catalog is empty, so nothing can be said of any package: run `assay sync` first")


def scan(
    conn: Connection, inventories: Sequence[tuple[str, Inventory]], unreadable: Iterable[Unreadable] = ()
) -> Scan:
    """What the catalog says of all packages of some files (path, inventory), the same version asked once.

    Raises Permanent for an empty catalog.
    """
    require_data(conn)
    asked = questions(inventories)
    pins = [Pin(subject.ecosystem, subject.name, subject.version) for subject in asked.subjects]
    said: list[_Said] = [
        (asked.subjects[found.position], found.vulnerability_id, found.is_unknown, found.fixed)
        for found in match(conn, pins)
    ]
    said += _by_commit(conn, asked.commits)
    return Scan(
        files=tuple(
            ScannedFile(path, read.format, read.version, len(read.packages), read.faults)
            for path, read in inventories
        ),
        unreadable=tuple(unreadable),
        subjects=asked.subjects,
        findings=in_order(_findings(conn, said)),
        skipped=asked.skipped,
        change_seq=last_change(conn),
    )


def _by_commit(conn: Connection, commits: Sequence[tuple[str, Subject]]) -> list[_Said]:
    wanted: dict[bytes, list[Subject]] = {}
    for text, subject in commits:
        if (commit := read_commit(text)) is not None:
            wanted.setdefault(commit, []).append(subject)
    if not wanted:
        return []
    return [
        (subject, vulnerability, False, None)
        for commit, vulnerability in affecting_commits(conn, wanted)
        for subject in wanted[commit]
    ]


def _findings(conn: Connection, said: Sequence[_Said]) -> list[Finding]:
    ids = {entry[1] for entry in said}
    if not ids:
        return []
    known = vulnerabilities(conn, ids)
    return [
        Finding(
            ecosystem=subject.ecosystem,
            name=subject.name,
            version=subject.version,
            purl=subject.purl,
            vulnerability=known[key],
            standing=Standing.UNKNOWN if is_unknown else Standing.AFFECTED,
            fixed=fixed,
            occurrences=subject.occurrences,
        )
        for subject, key, is_unknown, fixed in said
        if key in known
    ]


def vulnerabilities(conn: Connection, ids: Collection[int]) -> Mapping[int, Vulnerability]:
    """What findings show of some vulnerabilities, by key; those merged away meanwhile are left out."""
    names = queries.list_aliases(conn, ids)
    return {key: _vulnerability(brief, names.get(key, ())) for key, brief in find_briefs(conn, ids).items()}


def _vulnerability(brief: Brief, names: Iterable[str]) -> Vulnerability:
    return Vulnerability(
        name=brief.name,
        aliases=tuple(name for name in names if name != brief.name),
        state=brief.state,
        summary=brief.summary,
        severity=brief.severity,
        cvss_score=brief.cvss_score,
        cvss_vector=brief.cvss_vector,
        epss=brief.epss,
        epss_percentile=brief.epss_percentile,
        is_exploited=brief.is_exploited,
        published_at=brief.published_at,
        modified_at=brief.modified_at,
    )


def ignore(
    done: Scan, rules: Sequence[IgnoreRule], today: date
) -> tuple[Scan, tuple[IgnoreRule, ...], tuple[IgnoreRule, ...]]:
    """The scan with what the entries of an ignore file cover marked so; the entries that are over; those unused."""
    seen = ignoring.ignoring(done.findings, rules, today)
    return replace(done, findings=seen.findings), seen.expired, seen.unused
