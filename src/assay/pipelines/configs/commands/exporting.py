"""Answers as CSV for spreadsheets and as a Markdown report for people."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering
from assay.pipelines.configs.model import Finding, Run

# What a spreadsheet takes for a formula, unless it is a number.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?!\d+(\.\d+)?$)")
_MOST_ROUTES = 150


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A table with a head. A cell that a spreadsheet would run as a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


@dataclass(frozen=True, slots=True)
class Table:
    """An answer as lines of columns, for people's spreadsheets, scripts and documents."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]


def table(title: str, columns: Sequence[str], things: Iterable[Any]) -> Table:
    """Some fields of some things, one line each."""
    names = tuple(columns)
    return Table(title, names, [{name: getattr(one, name) for name in names} for one in things])


def written(answer: Table, kind: str) -> str:
    """The table as `csv`, `json` (a list of objects) or `md`."""
    if kind == "csv":
        return as_csv(answer.columns, answer.rows)
    if kind == "json":
        return msgspec.json.format(msgspec.json.encode(answer.rows), indent=1).decode() + "\n"
    lines = [f"# {_text(answer.title)}", ""]
    cells = ([_told(row.get(column)) for column in answer.columns] for row in answer.rows)
    return "".join(f"{line}\n" for line in (*lines, *_table(answer.columns, cells)))


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


EFFECTIVE_COLUMNS = ("conf", "stanza", "key", "value", "path", "line", "inherited_from", "shadowed")


def effective_rows(conf: str, stanzas: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """One row per setting that holds, from `answering.shown`."""
    for stanza in stanzas:
        for setting in stanza["settings"]:
            shadowed = [f"{one['value']} ({one['path']}:{one['line']})" for one in setting["shadowed"]]
            yield {"conf": conf, "stanza": stanza["stanza"], **setting, "shadowed": "; ".join(shadowed)}


def report(conn: Connection, run: Run) -> str:
    """What an administrator wants to know of a run, as Markdown."""
    lines = [f"# {_text(run.label)}", "", f"Run `{run.id}`, uploaded {run.uploaded_at:%Y-%m-%d %H:%M} UTC"]
    lines += [f"from `{_text(run.file_name)}` (SHA-256 `{run.sha256}`).", ""]
    lines += [f"> {_text(note)}" for note in run.notes]
    lines += ["", *_table(("what", "count"), sorted(run.counts.items()))]
    lines += ["", "## Apps", ""]
    lines += _table(
        ("app", "where", "version", "enabled"),
        [
            (one.app, one.area, one.version or "", "yes" if one.is_enabled else "no")
            for one in queries.list_apps(conn, run.number)
        ],
    )
    lines += ["", "## Server classes", ""]
    lines += _table(
        ("server class", "whitelist", "blacklist", "apps"),
        [
            (
                one.name,
                ", ".join(one.filter.whitelist),
                ", ".join(one.filter.blacklist),
                ", ".join(app.name if app.is_present else f"{app.name} (missing)" for app in one.apps),
            )
            for one in answering.server_classes(conn, run)
        ],
    )
    lines += ["", "## Findings", "", *_findings(answering.lint(conn, run))]
    lines += ["", "## Data routing", "", *_routes(conn, run)]
    lines += ["", "## Configurations", ""]
    lines += _table(
        ("conf", "files", "stanzas", "settings"),
        [(one.conf, one.files, one.stanzas, one.settings) for one in queries.list_confs(conn, run)],
    )
    return "".join(f"{line}\n" for line in lines)


def _findings(found: Sequence[Finding]) -> list[str]:
    rules = Counter((one.rule, one.severity) for one in found)
    lines = _table(("rule", "severity", "count"), [(*key, count) for key, count in rules.items()])
    return [
        *lines,
        "",
        *_table(
            ("severity", "rule", "where", "stanza", "setting", "what"),
            [
                (one.severity, one.rule, f"{one.path}:{one.line}", one.stanza, one.key, one.message)
                for one in found
            ],
        ),
    ]


def _routes(conn: Connection, run: Run) -> list[str]:
    graph = answering.data_routes(conn, run)
    if not graph.nodes:
        return ["No enabled inputs."]
    if len(graph.edges) > _MOST_ROUTES:
        return [
            f"{len(graph.edges)} ways: `assay configs routing {run.id} --around TEXT --mermaid` shows some."
        ]
    return ["```mermaid", answering.mermaid(graph).rstrip(), "```"]


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [" | ".join(("", *columns, "")).strip(), "|" + "---|" * len(columns)]
    lines += [" | ".join(("", *(_text(str(cell)) for cell in row), "")).strip() for row in rows]
    return lines


def _text(text: str) -> str:
    """A text of strangers that means nothing in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", " ".join(text.split()))[:500]
