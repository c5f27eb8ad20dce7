"""A scan as a document for people and for other programs."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib import import_module

from assay.pipelines.packages.commands.reading import Collected
from assay.pipelines.packages.model import Circumstances, Scan
from assay.pipelines.packages.rules.assembling import with_lines
from assay.pipelines.packages.rules.lines import lines


class Report(StrEnum):
    """A kind of document."""

    JSON = "json"
    SARIF = "sarif"
    CYCLONEDX = "cyclonedx"
    OPENVEX = "openvex"
    MARKDOWN = "markdown"
    HTML = "html"


_MODULES: Mapping[Report, str] = {Report.JSON: "plain"}


def report(kind: Report, scan: Scan, facts: Circumstances) -> str:
    """The scan as a document, ending in a line end."""
    # Only the one that is wanted: a scan is over before all of them would be loaded.
    module = import_module(f"assay.pipelines.packages.rules.reports.{_MODULES.get(kind, kind.value)}")
    write: Callable[[Scan, Circumstances], str] = module.write
    return write(scan, facts)


def located(scan: Scan, collected: Collected) -> Scan:
    """The scan with the line of each finding's place, where the file that was read tells it."""
    places: dict[str, set[str]] = {}
    for finding in scan.findings:
        for entry in finding.occurrences:
            places.setdefault(entry.file, set()).add(entry.place)
    found: dict[tuple[str, str], int] = {}
    for file, wanted in places.items():
        content = collected.contents.get(file, b"").decode(errors="replace")
        found.update({(file, place): line for place, line in lines(content, wanted).items()})
    return with_lines(scan, found)
