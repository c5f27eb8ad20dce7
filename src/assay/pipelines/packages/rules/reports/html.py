"""A scan as one HTML page that needs nothing beside itself: no script, no font, no picture from elsewhere."""

from collections.abc import Iterable, Sequence
from html import escape

from assay.pipelines.packages.model import Circumstances, Finding, Occurrence, Scan, Standing
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

_STYLE = """
:root { color-scheme: light dark;
  --ink: #1a1c20; --paper: #ffffff; --soft: #5a6068; --line: #d5d9de; --raised: #f4f6f8;
  --critical: #a1001f; --high: #b93a00; --medium: #7a5a00; --low: #1d5f8a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16181c; --soft: #a4abb3; --line: #363b42;
  --raised: #1f2329; --critical: #ff8a9a; --high: #ffa36b; --medium: #e6c35c; --low: #7fc1ef; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 90rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.lead { font-size: 1.1rem; } .soft, caption { color: var(--soft); }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; list-style: none; }
.counts li { padding: .25rem .75rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--raised); }
.scroll { overflow-x: auto; } .scroll:focus-visible { outline: 2px solid var(--low); }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
thead th { background: var(--raised); } td { overflow-wrap: anywhere; } .tight { white-space: nowrap; }
code { font-family: ui-monospace, monospace; font-size: .92em; }
.severity { font-weight: 600; } .critical { color: var(--critical); } .high { color: var(--high); }
.medium { color: var(--medium); } .low { color: var(--low); }
.mark { border: 1px solid currentColor; border-radius: .3rem; padding: 0 .35rem; font-size: .85em;
  white-space: nowrap; }
summary { cursor: pointer; } ul { margin: .3rem 0; padding-left: 1.2rem; }
@media print { body { max-width: none; } .scroll { overflow: visible; } }
"""


# Nothing is fetched and nothing runs, even if text of strangers should ever become markup.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write(scan: Scan, facts: Circumstances) -> str:
    """The whole scan as a page, in the light or dark colours that its reader prefers."""
    body = [
        "<header><h1>Known vulnerabilities</h1>",
        f'<p class="lead">{text(headline(scan))}</p>',
        _counts(scan),
        "</header>\n<main>",
        *_errors(scan),
        *_findings(scan.counted),
        *_ignored(scan),
        *_files(scan),
        *_skipped(scan),
        "</main>",
        _footer(facts),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>Scan: {text(headline(scan))}</title>",
            f"<style>{_STYLE}</style></head><body>",
            *body,
            "</body></html>\n",
        ]
    )


def text(content: str) -> str:
    """Text of strangers, as text."""
    # Half surrogate pairs come from file names that are not UTF-8, and cannot be written.
    return escape(one_line(content).encode(errors="replace").decode(), quote=True)


def _counts(scan: Scan) -> str:
    items = [
        f'<li><span class="severity {name}">{name}</span> {number:,}</li>'
        for name, number in counted_severities(scan.counted)
    ]
    exploited = sum(entry.vulnerability.is_exploited for entry in scan.counted)
    items += [f"<li>known to be exploited {exploited:,}</li>"] if exploited else []
    return f'<ul class="counts">{"".join(items)}</ul>' if items else ""


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of cells that are HTML already; the first cell of each row is its heading."""
    head = "".join(f'<th scope="col">{text(column)}</th>' for column in columns)
    lines = [
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(title)}"><table>',
        f"<caption>{text(title)}</caption><thead><tr>{head}</tr></thead><tbody>",
    ]
    for first, *rest in rows:
        cells = "".join(f"<td>{cell}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return [*lines, "</tbody></table></div>"]


def _findings(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    columns = ("package", "vulnerability", "severity", "EPSS", "fixed in", "where")
    title = plural(len(findings), "finding")
    return ["<h2>Findings</h2>", *_table(title, columns, (_row(entry) for entry in findings))]


def _row(finding: Finding) -> list[str]:
    vulnerability = finding.vulnerability
    name = f'<code>{text(finding.name)}</code> <span class="tight">{text(finding.version)}</span>'
    also = (
        f'<br><span class="soft">{text(", ".join(vulnerability.aliases))}</span>'
        if vulnerability.aliases
        else ""
    )
    summary = f"<br>{text(vulnerability.summary)}" if vulnerability.summary else ""
    band = severity_of(finding)
    score = "" if vulnerability.cvss_score is None else f" {vulnerability.cvss_score:.1f}"
    marks = ' <span class="mark critical">exploited</span>' if vulnerability.is_exploited else ""
    if finding.standing is Standing.UNKNOWN:
        marks += ' <span class="mark">not known</span>'
    return [
        f'{name}<br><span class="soft">{text(finding.ecosystem)}</span>',
        f"<strong>{text(vulnerability.name)}</strong>{also}{summary}",
        f'<span class="severity {text(band)}">{text(band)}{score}</span>{marks}',
        "" if vulnerability.epss is None else f"{vulnerability.epss:.1%}",
        "" if finding.fixed is None else f"<code>{text(finding.fixed)}</code>",
        _where(finding),
    ]


def _where(finding: Finding) -> str:
    places = [_place(entry) for entry in first_occurrences(finding)]
    if len(places) == 1:
        return places[0]
    listed = "".join(f"<li>{place}</li>" for place in places)
    return f"<details><summary>{plural(len(places), 'file')}</summary><ul>{listed}</ul></details>"


def _place(entry: Occurrence) -> str:
    line = f", line {entry.line}" if entry.line is not None else f", {text(entry.place)}"
    chain = f'<br><span class="soft">by {text(way(entry))}</span>' if way(entry) else ""
    return f"<code>{text(entry.file)}</code>{line}{chain}"


def _errors(scan: Scan) -> list[str]:
    rows = [(f"<code>{text(e.path)}</code>", text(e.reason), text(e.detail)) for e in scan.unreadable]
    rows += [
        (f"<code>{text(file.path)}</code>", text(fault.reason), text(f"{fault.place}: {fault.detail}"))
        for file in scan.files
        for fault in file.faults
    ]
    if not rows:
        return []
    return [
        "<h2>Could not be read</h2>",
        *_table("Nothing is known of these", ("file", "reason", "detail"), rows),
    ]


def _ignored(scan: Scan) -> list[str]:
    rows = [
        (
            f"<code>{text(entry.name)}</code> {text(entry.version)}",
            text(entry.vulnerability.name),
            text(entry.ignored),
        )
        for entry in scan.findings
        if entry.ignored is not None
    ]
    if not rows:
        return []
    return ["<h2>Ignored</h2>", *_table("Somebody decided so", ("package", "vulnerability", "reason"), rows)]


def _files(scan: Scan) -> list[str]:
    rows = [(f"<code>{text(f.path)}</code>", text(f.format), f"{f.packages:,}") for f in scan.files]
    return ["<h2>Files</h2>", *_table("What was read", ("file", "format", "packages"), rows)] if rows else []


def _skipped(scan: Scan) -> list[str]:
    rows = [
        (
            f"<code>{text(entry.name)}</code> {text(entry.version or '')}",
            f"<code>{text(entry.file)}</code>, {text(entry.place)}",
            text(WHY_UNCHECKED[entry.why]),
        )
        for entry in scan.skipped
    ]
    if not rows:
        return []
    return ["<h2>Not looked up</h2>", *_table("Nothing is known of these", ("package", "where", "why"), rows)]


def _footer(facts: Circumstances) -> str:
    ages = ", ".join(f"{text(name)} {timestamp(moment)}" for name, moment in facts.freshness.items())
    made = f"{text(facts.program)} {text(facts.version)}, {timestamp(facts.now)}"
    return f'<footer><p class="soft">{made}. Data of: {ages or "unknown"}.</p></footer>'
