"""What every report says in the same words."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from assay.pipelines.packages.model import Finding, Occurrence, Scan, Standing, Unchecked

SEVERITIES = ("critical", "high", "medium", "low", "none", "unrated")
WHY_UNCHECKED = {
    Unchecked.NO_ECOSYSTEM: "belongs to no package ecosystem that advisories speak of",
    Unchecked.NO_VERSION: "the file pins no version",
    Unchecked.GIT: "comes from git; only its commit was looked up",
    Unchecked.URL: "comes from an address and not from a registry",
    Unchecked.PATH: "comes from a folder and not from a registry",
}
_NAMESPACE = UUID("1f6c0c8e-6b0f-5a55-9d4c-0b9a2f0c7a11")


def severity_of(finding: Finding) -> str:
    """The severity in a word, `unrated` where nobody rated it."""
    return finding.vulnerability.severity or "unrated"


def counted_severities(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    """How many findings there are of each severity, the worst first; those of which there are none are left out."""
    counts = Counter(severity_of(finding) for finding in findings)
    return [(name, counts[name]) for name in SEVERITIES if counts[name]]


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 package`, `2 packages`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def headline(scan: Scan) -> str:
    """What came of the scan in one sentence."""
    affected = [entry for entry in scan.counted if entry.standing is Standing.AFFECTED]
    unknown = len(scan.counted) - len(affected)
    packages = len({(entry.ecosystem, entry.name, entry.version) for entry in affected})
    looked = f"{plural(len(scan.subjects), 'package')} in {plural(len(scan.files), 'file')}"
    if not affected and not unknown:
        return f"No known vulnerability in {looked}."
    said = f"{plural(len(affected), 'vulnerability', 'vulnerabilities')} in {plural(packages, 'package')}"
    said += f" (of {looked})"
    return f"{said}, and {unknown:,} of which it is not known." if unknown else f"{said}."


def advice(finding: Finding) -> str:
    """What to do about a finding."""
    if finding.standing is Standing.UNKNOWN:
        return f"Whether {finding.version} is affected is not known; look at the advisory."
    if finding.fixed is None:
        return "No version that fixes it is known."
    return f"Update {finding.name} to {finding.fixed} or later."


def way(entry: Occurrence) -> str:
    """How the package came in: `a@1 > b@2 > c@3`; empty for what is direct or not known."""
    return " > ".join(entry.path) if len(entry.path) > 1 else ""


def first_occurrences(finding: Finding) -> list[Occurrence]:
    """The first place of a finding in each file: those that count first."""
    found: dict[str, Occurrence] = {}
    for entry in sorted(finding.occurrences, key=lambda entry: (entry.ignored is not None, len(entry.path))):
        found.setdefault(entry.file, entry)
    return list(found.values())


def grouped(findings: Sequence[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """Findings that say the same of the same vulnerability together, in order of the first of each."""
    found: dict[tuple[str, Standing, str | None], list[Finding]] = {}
    for entry in findings:
        found.setdefault((entry.vulnerability.name, entry.standing, entry.ignored), []).append(entry)
    return [(entries[0], entries) for entries in found.values()]


def one_line(text: str) -> str:
    """A text of strangers without what a reader would not see: control characters and marks of direction."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _blank(char) for char in text)


def _blank(char: str) -> str:
    return (
        " " if char in "\n\t\r" or unicodedata.category(char).startswith("Z") else "\N{REPLACEMENT CHARACTER}"
    )


def timestamp(moment: datetime) -> str:
    """A moment in UTC, to the second, as RFC 3339 writes it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def unique_id(content: str) -> UUID:
    """The same for the same content, and for no other."""
    return uuid5(_NAMESPACE, content)
