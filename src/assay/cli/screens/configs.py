"""What people see of configuration archives."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.cli.output import count, pairs, spoken, table
from assay.domain.wording import age, counted, number, seconds, size

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from assay.pipelines.configs.commands.answering import Difference, Graph, ServerClass
    from assay.pipelines.configs.commands.installed import Installed
    from assay.pipelines.configs.model import Finding, Hit, Run, Trouble, Typed
    from assay.pipelines.configs.queries import ConfCount

_STYLES = {"complete": "green", "failed": "red", "parsing": "cyan", "pending": "yellow", "stored": "dim"}
_SEVERITIES = {"error": "bold red", "warning": "yellow", "hint": "dim"}
_CHANGES = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}
_LONGEST = 200
_MOST_NAMED = 4


def _line(value: str) -> str:
    """A value in one line; what is cut off is said."""
    flat = value.replace("\n", "\\n")
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}... ({number(len(value))} characters)"


def run_screen(run: "Run") -> "Table":
    """One run."""
    rows: list[tuple[str, RenderableType]] = [
        ("run", spoken(str(run.id))),
        ("label", spoken(run.label)),
        ("status", spoken((run.status, _STYLES.get(run.status, "")))),
        ("upload", spoken(f"{run.file_name}, {size(run.bytes)}, {run.kind}, by {run.uploaded_by}")),
    ]
    if run.seconds is not None:
        rows.append(("took", spoken(f"{seconds(run.seconds)} from upload to complete")))
    if run.counts:
        said = ", ".join(f"{number(value)} {name.replace('_', ' ')}" for name, value in run.counts.items())
        rows.append(("holds", spoken(said)))
    if run.error:
        rows.append(("error", spoken((run.error, "red"))))
    rows += [("note", spoken((text, "yellow"))) for text in run.notes]
    return pairs(rows)


def runs_screen(found: Sequence["Run"], now: datetime) -> "Table":
    """Runs, a line each."""
    lines = table("run", "label", "kind", "status", "settings", "uploaded", "", right=("settings",), wide="")
    for run in found:
        lines.add_row(
            str(run.id)[:8],
            spoken(run.label),
            run.kind,
            spoken((run.status, _STYLES.get(run.status, ""))),
            count(run.counts.get("settings", 0)),
            age(run.uploaded_at, now),
            spoken(run.error or ""),
        )
    return lines


def confs_screen(confs: Sequence["ConfCount"]) -> "Table":
    """How much there is of each configuration."""
    lines = table("conf", "files", "stanzas", "settings", right=("files", "stanzas", "settings"))
    for one in confs:
        lines.add_row(spoken(one.conf), count(one.files), count(one.stanzas), count(one.settings))
    return lines


def problems_screen(problems: Sequence["Trouble"]) -> "Table":
    """What was odd about the files."""
    lines = table("where", "problem", "text", wide="text")
    for one in problems:
        lines.add_row(spoken(f"{one.path}:{one.line}"), spoken(one.code), spoken(one.detail))
    return lines


def effective_screen(stanzas: Iterable[Mapping[str, Any]]) -> "Iterable[RenderableType]":
    """Each stanza with its settings, where they come from, and what they shadow."""
    for stanza in stanzas:
        yield spoken((f"[{stanza['stanza']}]", "bold"), f"  {stanza['path']}:{stanza['line']}")
        lines = table("setting", "value", "from", wide="value")
        lines.show_header = False
        for one in stanza["settings"]:
            origin = f" [{one['inherited_from']}]" if one["inherited_from"] else ""
            lines.add_row(
                spoken(one["key"]),
                spoken(_line(one["value"])),
                spoken(f"{one['path']}:{one['line']}{origin}"),
            )
            for lost in one["shadowed"]:
                origin = f" [{lost['inherited_from']}]" if lost["inherited_from"] else ""
                lines.add_row(
                    "",
                    spoken((f"shadows {_line(lost['value'])}", "dim")),
                    spoken((f"{lost['path']}:{lost['line']}{origin}", "dim")),
                )
        yield lines


def hits_screen(hits: Sequence["Hit"]) -> "Table":
    """What a search found, a line each."""
    lines = table("where", "stanza", "setting", wide="setting")
    for hit in hits:
        lines.add_row(
            spoken(f"{hit.path}:{hit.line}"),
            spoken(f"[{_line(hit.stanza)}]"),
            spoken(f"{hit.key} = {_line(hit.value)}"),
        )
    return lines


def typed_screen(listed: Sequence["Typed"]) -> "Table":
    """Stanzas with their well-known settings."""
    lines = table("stanza", "app", "", "settings", wide="settings")
    for one in listed:
        said = ", ".join(f"{key}={_line(str(value))}" for key, value in one.fields.items())
        lines.add_row(
            spoken(_line(one.name)), spoken(one.app), "disabled" if one.is_disabled else "", spoken(said)
        )
    return lines


def apps_screen(listed: Sequence["Installed"]) -> "Table":
    """Apps, and the vulnerabilities that the catalog knows of each."""
    lines = table("app", "version", "where", "", "vulnerabilities", "", right=("vulnerabilities",), wide="")
    for one in listed:
        lines.add_row(
            spoken(one.name),
            spoken(one.version or ""),
            one.area,
            "" if one.is_enabled else "disabled",
            count(len(one.vulnerabilities), "red"),
            spoken(_named([known.name for known in one.vulnerabilities])),
        )
    return lines


def _named(names: Sequence[str]) -> str:
    """The first names, the worst first, and how many more there are."""
    left = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {number(left)} more" if left > 0 else "")


def classes_screen(classes: Sequence["ServerClass"]) -> "Table":
    """Server classes, whom they take, and what they give."""
    lines = table("server class", "lets in", "keeps out", "machines", "apps", "clients", wide="apps")
    for one in classes:
        lines.add_row(
            spoken(one.name),
            spoken(", ".join((*one.filter.whitelist, *(f"<{file}>" for file in one.filter.files)))),
            spoken(", ".join(one.filter.blacklist)),
            spoken(", ".join(one.filter.machine_types)),
            spoken(", ".join(app.name if app.is_present else f"{app.name} (missing)" for app in one.apps)),
            spoken(", ".join(one.clients)),
        )
    return lines


def deliveries_screen(given: Mapping[str, Mapping[str, Sequence[str]]]) -> "Table":
    """Each client with the apps that it is given."""
    lines = table("client", "app", "because of", wide="because of")
    for client, apps in given.items():
        for app, classes in apps.items():
            lines.add_row(spoken(client), spoken(app), spoken(", ".join(classes)))
    return lines


def routes_screen(graph: "Graph") -> "Table":
    """Every way, a line each."""
    lines = table("from", "how", "to", "", wide="to")
    for edge in graph.edges:
        source, target = graph.nodes[edge.source], graph.nodes[edge.target]
        lines.add_row(
            spoken(f"{source.kind} {_line(source.name)}"),
            spoken(f"{edge.label}{', maybe' if edge.is_possible else ''}"),
            spoken(f"{target.kind} {_line(target.name)}"),
            spoken(("not defined", "red")) if target.is_missing else "",
        )
    return lines


def differences_screen(found: Sequence["Difference"]) -> "Table":
    """What differs, a line each."""
    title = counted(len(found), "difference") if found else "no differences"
    lines = table("", "conf", "stanza", "setting", "before", "after", "where", wide="where", title=title)
    for one in found:
        where = one.path_after or one.path_before or ""
        if one.path_before and one.path_after and one.path_before != one.path_after:
            where = f"{one.path_before} -> {one.path_after}"
        lines.add_row(
            spoken((one.change.value, _CHANGES[one.change.value])),
            spoken(one.conf),
            spoken(_line(one.stanza)),
            spoken(one.key),
            spoken(_line(one.before or "")),
            spoken(_line(one.after or "")),
            spoken(where),
        )
    return lines


def findings_screen(found: Sequence["Finding"]) -> "Table":
    """What is wrong, a line each."""
    title = counted(len(found), "finding") if found else "nothing found"
    lines = table("", "rule", "where", "stanza", "setting", "what", wide="what", title=title)
    for one in found:
        lines.add_row(
            spoken((one.severity, _SEVERITIES.get(one.severity, ""))),
            spoken(one.rule),
            spoken(f"{one.path}:{one.line}"),
            spoken(_line(one.stanza)),
            spoken(one.key),
            spoken(one.message),
        )
    return lines
