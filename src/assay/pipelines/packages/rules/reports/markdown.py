"""A scan as Markdown, short enough for the comment of a pull request."""

import re
from collections.abc import Iterable, Sequence

from assay.pipelines.packages.model import Circumstances, Finding, Scan, Standing
from assay.pipelines.packages.rules.reports.wording import (
    WHY_UNCHECKED,
    counted_severities,
    first_occurrences,
    headline,
    one_line,
    plural,
    severity_of,
    timestamp,
    way,
)

# A comment on GitHub holds 65,536 characters, and a row has some 250.
_MOST_ROWS = 150
_MOST_LINES = 30
_LONGEST_CELL = 160
# What Markdown, GitHub's tables and its mentions of people and issues would obey.
_OBEYED = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$:])")


def write(scan: Scan, facts: Circumstances) -> str:
    """The findings that count as a table, then in short what is ignored, what was not looked up, what went wrong."""
    lines = ["## Known vulnerabilities", "", escaped(headline(scan)), ""]
    severities = counted_severities(scan.counted)
    if severities:
        lines += [", ".join(f"**{number} {name}**" for name, number in severities), ""]
        lines += _table(scan.counted)
    lines += _section(
        "Could not be read",
        [
            *(f"{code(entry.path)}: {escaped(entry.detail)}" for entry in scan.unreadable),
            *(
                f"{code(file.path)}, {escaped(fault.place)}: {escaped(fault.detail)}"
                for file in scan.files
                for fault in file.faults
            ),
        ],
    )
    ignored = [entry for entry in scan.findings if entry.ignored is not None]
    lines += _section(
        "Ignored",
        [
            f"{code(entry.vulnerability.name)} in {code(_package(entry))}: {escaped(entry.ignored or '')}"
            for entry in ignored
        ],
    )
    lines += _section(
        "Not looked up",
        [
            f"{code(f'{entry.name} {entry.version}' if entry.version else entry.name)} in {code(entry.file)}: "
            f"{WHY_UNCHECKED[entry.why]}"
            for entry in scan.skipped
        ],
    )
    ages = ", ".join(f"{escaped(name)} {timestamp(moment)}" for name, moment in facts.freshness.items())
    lines.append(
        f"<sub>{facts.program} {facts.version}, {timestamp(facts.now)}. Data of: {ages or 'unknown'}</sub>"
    )
    return "\n".join(lines) + "\n"


def _table(findings: Sequence[Finding]) -> Iterable[str]:
    yield "| severity | package | vulnerability | fixed in | comes in by |"
    yield "| --- | --- | --- | --- | --- |"
    for finding in findings[:_MOST_ROWS]:
        yield "| " + " | ".join(_cells(finding)) + " |"
    if len(findings) > _MOST_ROWS:
        yield ""
        yield f"... and {len(findings) - _MOST_ROWS:,} more."
    yield ""


def _cells(finding: Finding) -> Iterable[str]:
    vulnerability = finding.vulnerability
    score = "" if vulnerability.cvss_score is None else f" {vulnerability.cvss_score:.1f}"
    marks = ["**exploited**"] if vulnerability.is_exploited else []
    marks += ["not known"] if finding.standing is Standing.UNKNOWN else []
    yield ", ".join([f"{severity_of(finding)}{score}", *marks])
    yield code(_package(finding))
    summary = f" {escaped(_cut(vulnerability.summary))}" if vulnerability.summary else ""
    yield f"{code(vulnerability.name)}{summary}"
    yield code(finding.fixed) if finding.fixed is not None else ""
    where = first_occurrences(finding)
    first = way(where[0]) or where[0].file
    yield code(_cut(first)) + (f" and {plural(len(where) - 1, 'file')} more" if len(where) > 1 else "")


def _package(finding: Finding) -> str:
    return f"{finding.name} {finding.version}"


def _section(title: str, entries: Sequence[str]) -> list[str]:
    if not entries:
        return []
    shown = [f"- {entry}" for entry in entries[:_MOST_LINES]]
    shown += [f"- ... and {len(entries) - _MOST_LINES:,} more"] if len(entries) > _MOST_LINES else []
    return [f"<details><summary>{title} ({len(entries):,})</summary>", "", *shown, "", "</details>", ""]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}\N{HORIZONTAL ELLIPSIS}"


def escaped(text: str) -> str:
    """Text of strangers that Markdown leaves as it is; no person and no issue is mentioned by it."""
    shown = _OBEYED.sub(r"\\\1", one_line(text))
    return shown.replace("\\@", "@\u200b").replace("\\#", "\\#\u200b").replace("\\:", ":")


def code(text: str) -> str:
    """Text of strangers as code, in a cell of a table as well."""
    shown = one_line(text).replace("|", "\N{BROKEN BAR}").strip() or " "
    ticks = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"
