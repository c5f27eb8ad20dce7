"""What people see of a scan, of what was kept, and of what hits it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from assay.cli.output import count, cut, pairs, severity_badge, spoken, table
from assay.domain.wording import age, clean, counted, moment, number, percent
from assay.pipelines.packages.model import Circumstances, Finding, Occurrence, Scan, Standing

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from assay.pipelines.packages.commands.keeping import Hit
    from assay.pipelines.packages.queries import KeptInventory, KeptPackage

_STALE_HOURS = 48
_SHOWN = 20


def scan_lines(scan: Scan) -> Iterator[str]:
    """A scan where nobody looks at a terminal: a line for each finding, its columns under each other."""
    rows = [_columns(finding) for finding in scan.counted]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    if rows:
        yield ""
    yield summary_line(scan)


def _columns(finding: Finding) -> tuple[str, ...]:
    vulnerability = finding.vulnerability
    score = "" if vulnerability.cvss_score is None else f" {vulnerability.cvss_score:.1f}"
    where = _nearest(finding)
    fixed = f"fixed in {finding.fixed}" if finding.fixed is not None else "no fix known"
    return tuple(
        clean(text)
        for text in (
            "unknown" if finding.standing is Standing.UNKNOWN else "affected",
            f"{vulnerability.severity or 'unrated'}{score}",
            "KEV" if vulnerability.is_exploited else "",
            "" if vulnerability.epss is None else f"EPSS {percent(vulnerability.epss)}",
            finding.ecosystem,
            f"{finding.name}@{finding.version}",
            vulnerability.name,
            fixed,
            f"{where.file}: {where.place}",
            _way(where),
        )
    )


def _nearest(finding: Finding) -> Occurrence:
    """The place to look at first: one that counts, with the shortest way to it."""
    return min(finding.occurrences, key=lambda entry: (entry.ignored is not None, len(entry.path) or 99))


def _way(where: Occurrence) -> str:
    return f"by {' > '.join(where.path[:-1])}" if len(where.path) > 1 else ""


def scan_screen(scan: Scan) -> list["RenderableType"]:
    """A scan on a terminal."""
    shown: list[RenderableType] = []
    if scan.counted:
        lines = table(
            "severity", "package", "version", "vulnerability", "fixed in", "EPSS", "KEV", "where",
            right=("EPSS",), wide="where",
        )  # fmt: skip
        for finding in scan.counted:
            vulnerability = finding.vulnerability
            badge = severity_badge(vulnerability.severity, vulnerability.cvss_score)
            if finding.standing is Standing.UNKNOWN:
                badge = spoken(("not known, ", "magenta"), badge)
            where = _nearest(finding)
            lines.add_row(
                badge,
                spoken((finding.name, "bold")),
                cut(finding.version),
                spoken(vulnerability.name),
                spoken((finding.fixed, "green") if finding.fixed is not None else ("none", "dim")),
                "" if vulnerability.epss is None else percent(vulnerability.epss),
                spoken(("yes" if vulnerability.is_exploited else "", "red")),
                cut(_way(where) or where.file),
            )
        shown += [lines, ""]
    shown += _left_out(scan)
    style = "green" if not scan.counted and scan.is_complete else "bold"
    shown.append(spoken((summary_line(scan), style)))
    return shown


def _left_out(scan: Scan) -> list["RenderableType"]:
    if not scan.skipped:
        return []
    lines = table("not looked up", "version", "why", "where", wide="where")
    for entry in scan.skipped[:_SHOWN]:
        place = f"{entry.file}: {entry.place}"
        lines.add_row(
            spoken(entry.name), cut(entry.version or ""), spoken((entry.why.value, "yellow")), cut(place)
        )
    if len(scan.skipped) > _SHOWN:
        lines.add_row(spoken((f"… and {number(len(scan.skipped) - _SHOWN)} more", "dim")), "", "", "")
    return [lines, ""]


def summary_line(scan: Scan) -> str:
    """What came of a scan in one line: what was found, what is ignored, what nobody knows anything of."""
    affected = [entry for entry in scan.counted if entry.standing is Standing.AFFECTED]
    unknown = len(scan.counted) - len(affected)
    exploited = sum(entry.vulnerability.is_exploited for entry in affected)
    packages = len({(entry.ecosystem, entry.name, entry.version) for entry in affected})
    said = [
        f"{counted(len(scan.subjects), 'package')} in {counted(len(scan.files), 'file')}",
        f"{counted(len(affected), 'vulnerability', 'vulnerabilities')}"
        + (f" in {counted(packages, 'package')}" if affected else ""),
    ]
    said += [f"{number(exploited)} exploited"] if exploited else []
    said += [f"{number(unknown)} not known"] if unknown else []
    ignored = len(scan.findings) - len(scan.counted)
    said += [f"{number(ignored)} ignored"] if ignored else []
    said += [f"{counted(len(scan.skipped), 'package')} not looked up"] if scan.skipped else []
    errors = len(scan.unreadable) + sum(len(file.faults) for file in scan.files)
    said += [counted(errors, "error")] if errors else []
    return ", ".join(said)


def freshness_line(facts: Circumstances) -> str:
    """How old the data of each source are."""
    if not facts.freshness:
        return "no source was ever synced"
    ages = ", ".join(f"{name} {age(at, facts.now)}" for name, at in facts.freshness.items())
    oldest = max((facts.now - at).total_seconds() for at in facts.freshness.values())
    hint = "; run `assay sync`" if oldest > _STALE_HOURS * 3600 else ""
    return f"data: {ages}{hint}"


def hits_screen(hits: Sequence["Hit"]) -> list["RenderableType"]:
    """Kept packages and what hits them."""
    if not hits:
        return [spoken(("Nothing that was kept is hit.", "green"))]
    lines = table(
        "inventory", "severity", "package", "version", "vulnerability", "fixed in", "KEV", "line", "files",
        right=("line",), wide="files",
    )  # fmt: skip
    for hit in hits:
        badge = severity_badge(hit.vulnerability.severity, hit.vulnerability.cvss_score)
        lines.add_row(
            spoken(hit.inventory),
            spoken(("not known, ", "magenta"), badge) if hit.is_unknown else badge,
            spoken((hit.name, "bold")),
            cut(hit.version),
            spoken(hit.vulnerability.name),
            spoken((hit.fixed, "green") if hit.fixed is not None else ("none", "dim")),
            spoken(("yes" if hit.vulnerability.is_exploited else "", "red")),
            number(hit.seq),
            cut(", ".join(hit.files)),
        )
    kept = len({(hit.inventory, hit.ecosystem, hit.name, hit.version) for hit in hits})
    return [lines, "", spoken((f"{counted(len(hits), 'hit')} on {counted(kept, 'kept package')}", "bold"))]


def inventories_screen(inventories: Sequence["KeptInventory"], now: datetime) -> "RenderableType":
    """What was kept."""
    if not inventories:
        return spoken(("Nothing was kept; `assay scan PATH --save NAME` keeps packages.", "dim"))
    lines = table("name", "packages", "saved", "line", "files", right=("packages", "line"), wide="files")
    for entry in inventories:
        files = cut(", ".join(entry.files))
        lines.add_row(
            spoken((entry.name, "bold")),
            count(entry.packages),
            age(entry.saved_at, now),
            number(entry.change_seq),
            files,
        )
    return lines


def inventory_screen(
    found: "KeptInventory", packages: Sequence["KeptPackage"], now: datetime
) -> list["RenderableType"]:
    """One inventory and its packages."""
    saved = f"{moment(found.saved_at)} ({age(found.saved_at, now)})"
    head: list[tuple[str, RenderableType]] = [
        ("inventory", spoken((found.name, "bold"))),
        ("saved", saved),
        ("packages", number(found.packages)),
        ("files", spoken(", ".join(found.files))),
    ]
    return [pairs(head), "", _packages(packages)]


def _packages(packages: Sequence["KeptPackage"]) -> "Table":
    lines = table("ecosystem", "package", "version", "", wide="package")
    for entry in packages:
        unplaced = "its version cannot be placed" if entry.is_unplaced else ""
        lines.add_row(
            spoken(entry.ecosystem), spoken(entry.name), spoken(entry.version), spoken((unplaced, "yellow"))
        )
    return lines
