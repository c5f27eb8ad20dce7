"""Pages of vulnerabilities, the catalog in figures, and what people decided."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.catalog.queries import Decision, Hit, NamedChange, Stats
from assay.cli.output import SEVERITY_STYLES, count, cut, pairs, severity_badge, spoken, table
from assay.domain.wording import counted, day, moment, number, percent, size

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from assay.catalog.commands import PolicyDiff, Rebuilt

_SEVERITIES = ("critical", "high", "medium", "low", "none", "UNRATED")
_BAR = 24


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit for programs; the catalog's own key stays inside."""
    return {name: getattr(hit, name) for name in Hit.__slots__ if name != "id"}


def hits_screen(hits: Sequence[Hit]) -> "Table":
    """A page of hits for people."""
    lines = table("name", "severity", "EPSS", "KEV", "modified", "summary", right=("EPSS",), wide="summary")
    for hit in hits:
        summary = spoken(hit.summary)
        if hit.state != "published":
            summary = spoken((f"{hit.state}: ", "magenta"), summary)
        lines.add_row(
            spoken((hit.name, "bold")),
            severity_badge(hit.severity, hit.cvss_score),
            "" if hit.epss is None else percent(hit.epss),
            spoken(("yes" if hit.is_exploited else "", "red")),
            day(hit.modified_at),
            cut(summary),
        )
    return lines


def stats_screen(stats: Stats) -> list["RenderableType"]:
    """The catalog in figures, for people."""
    total = sum(stats.states.values())
    states = ", ".join(f"{number(found)} {state}" for state, found in stats.states.items())
    scored = "" if stats.scored_on is None else f", scores of {stats.scored_on}"
    figures: list[tuple[str, RenderableType]] = [
        ("vulnerabilities", spoken((number(total), "bold"), f"  {states}" if states else "")),
        ("identifiers", number(stats.identifiers)),
        ("several claims", f"{number(stats.merged)} are spoken of by more than one record"),
        ("exploited", spoken((number(stats.exploited), "red" if stats.exploited else ""), "  listed in KEV")),
        ("EPSS", f"{number(stats.with_epss)} have a score{scored}"),
        ("needs review", count(stats.needs_review, "yellow")),
        ("decisions", f"{number(stats.decisions)} by people"),
        ("changes", f"{number(stats.last_change)} in the log"),
        ("database", size(stats.database_bytes)),
        ("digest", stats.digest),
    ]
    if stats.dirty_claims:
        waiting = f"{counted(stats.dirty_claims, 'claim')} wait to be merged: assay catalog merge"
        figures.append(("unmerged", spoken((waiting, "yellow"))))
    shown: list[RenderableType] = [pairs(figures)]
    if stats.claims:
        shown += ["", _claims(stats)]
    if total:
        shown += ["", _severities(stats.severities)]
    if stats.ecosystems:
        shown += ["", _ecosystems(stats)]
    return shown


def _claims(stats: Stats) -> "Table":
    lines = table("source", "claims", "tombstones", right=("claims", "tombstones"))
    for source, (live, gone) in stats.claims.items():
        lines.add_row(spoken(source), count(live), count(gone, "magenta"))
    return lines


def _severities(severities: Mapping[str, int]) -> "Table":
    lines = table("severity", "vulnerabilities", "", right=("vulnerabilities",))
    most = max(severities.values(), default=1)
    for name in _SEVERITIES:
        found = severities.get(name, 0)
        style = SEVERITY_STYLES.get(name, "dim")
        colour = "red" if name == "critical" else style.replace("bold ", "")
        lines.add_row(
            spoken((name.lower(), style)), count(found), spoken(("━" * _length(found, most), colour))
        )
    return lines


def _length(value: int, most: int) -> int:
    return 0 if value == 0 else max(1, round(_BAR * value / most))


def _ecosystems(stats: Stats) -> "Table":
    lines = table("ecosystem", "vulnerabilities", "packages", right=("vulnerabilities", "packages"))
    for ecosystem, vulnerabilities, packages in stats.ecosystems:
        lines.add_row(spoken(ecosystem), count(vulnerabilities), count(packages))
    return lines


def stats_json(stats: Stats) -> dict[str, Any]:
    """The catalog in figures, for programs."""
    row = {name: getattr(stats, name) for name in Stats.__slots__}
    return {
        **row,
        "vulnerabilities": sum(stats.states.values()),
        "severities": {name.lower(): found for name, found in stats.severities.items()},
        "claims": {
            source: {"live": live, "tombstones": gone} for source, (live, gone) in stats.claims.items()
        },
        "ecosystems": [
            {"ecosystem": name, "vulnerabilities": found, "packages": packages}
            for name, found, packages in stats.ecosystems
        ],
    }


def rebuilt_screen(rebuilt: "Rebuilt") -> list["RenderableType"]:
    """What a rebuild came to, for people."""
    is_same = rebuilt.digest_before == rebuilt.digest_after
    verdict = (
        spoken(("The catalog was what its claims make it.", "green"))
        if is_same
        else spoken(("The catalog was not what its claims make it, and is now.", "yellow"))
    )
    rows: list[tuple[str, RenderableType]] = [("digest", rebuilt.digest_after)]
    if not is_same:
        rows = [("digest before", rebuilt.digest_before), ("digest after", rebuilt.digest_after)]
    if rebuilt.orphans:
        rows.append(
            ("removed", f"{counted(rebuilt.orphans, 'vulnerability', 'vulnerabilities')} without a claim")
        )
    return [verdict, pairs(rows)]


def policy_diff_screen(diff: "PolicyDiff") -> list["RenderableType"]:
    """What another policy would change, for people."""
    if not diff.differing:
        said = f"Nothing would change in {counted(diff.vulnerabilities, 'vulnerability', 'vulnerabilities')}."
        return [spoken((said, "green"))]
    head = spoken(
        (number(diff.differing), "bold yellow"),
        f" of {counted(diff.vulnerabilities, 'vulnerability', 'vulnerabilities')} would change; ",
        "nothing was changed.",
    )
    fields = table("field", "vulnerabilities", right=("vulnerabilities",))
    for field, found in diff.fields.items():
        fields.add_row(spoken(field), count(found))
    examples = table("for example", "fields", wide="fields")
    for name, changed in diff.examples:
        examples.add_row(spoken((name, "bold")), cut(", ".join(changed)))
    return [head, "", fields, "", examples]


def changes_screen(changes: Sequence[NamedChange]) -> list["Text"]:
    """What changed in the catalog, a line each."""
    styles = {"added": "green", "changed": "yellow", "removed": "magenta"}
    return [
        spoken(
            (f"{entry.what:<8}", styles.get(entry.what, "")),
            (entry.name, "bold"),
            (f"  {', '.join(entry.fields)}" if entry.fields else "", "dim"),
        )
        for entry in changes
    ]


def decisions_screen(decisions: Sequence[Decision]) -> "RenderableType":
    """What people decided about names, for people."""
    if not decisions:
        return spoken(("Nobody pinned or banned anything.", "dim"))
    lines = table("what", "name", "and", "by", "when", "reason", wide="reason")
    for entry in decisions:
        lines.add_row(
            entry.kind,
            spoken(entry.left),
            spoken(entry.right),
            spoken(entry.decided_by),
            moment(entry.decided_at),
            spoken(entry.reason),
        )
    return lines


def faults_screen(faults: Mapping[str, int]) -> list["Text"]:
    """The catalog's laws and how often each is broken, for people."""
    return [
        spoken(
            ("failed  ", "red") if found else ("ok      ", "green"),
            law.replace("_", " "),
            (f": {number(found)}" if found else "", "red"),
        )
        for law, found in faults.items()
    ]
