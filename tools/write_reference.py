"""Write settings.md, sources.md and formats.md of docs/reference from the program itself.

    python tools/write_reference.py [--check]

With --check nothing is written; the exit code says whether the files are what they should be.
"""

import sys
from pathlib import Path
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from assay.pipelines.advisories.model import Bucket, Download, Repository, Source
from assay.pipelines.advisories.sources import discover
from assay.pipelines.packages import sources as formats_of
from assay.settings import (
    AlertSettings,
    LlmSettings,
    OidcSettings,
    Settings,
    SignInSettings,
    SourceSettings,
    WebhookSettings,
)
from assay.settings.feeds import FeedSettings
from assay.settings.language import ELSEWHERE

# Those that hold settings of their own have a section each.
_GROUPS = {"sources", "alerts", "feeds", "llm", "sign_in", "oidc"}
REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "depends on the machine" if get_origin(field.annotation) is not dict else "none"
    if field.is_required():
        return "must be set"
    return "none" if field.default is None else f"`{field.default}`"


def _rows(fields: dict[str, FieldInfo], prefix: str) -> list[str]:
    return [
        f"| `{prefix}{name.upper()}` | {field.description} | {_default(field)} |"
        for name, field in fields.items()
    ]


def _feeds() -> list[str]:
    """What sources of entries may reach and give."""
    return [
        "## Sources of entries",
        "",
        "`ASSAY_FEEDS` says what sources of entries may reach, and how much they may give:",
        "`ASSAY_FEEDS__REACHABLE='[\"wiki.example.org\"]'` in the environment, or in the file",
        "",
        "```toml",
        "[feeds]",
        'reachable = ["wiki.example.org", "10.20.0.0/16"]',
        'roots = ["/srv/bulletins"]',
        "```",
        "",
        "[Read advisories in prose](../how-to/feeds.md) shows how.",
        "",
        "| key | what it does | default |",
        "| --- | --- | --- |",
        *_keys(FeedSettings.model_fields),
        "",
    ]


def _keys(fields: dict[str, FieldInfo]) -> list[str]:
    return [f"| `{name}` | {field.description} | {_default(field)} |" for name, field in fields.items()]


def settings() -> str:
    """The page on settings."""
    lines = [
        "# Settings",
        "",
        "Written by `tools/write_reference.py`. The environment wins over the file, the file over the defaults.",
        "The file is `assay.toml` in the home folder or what `ASSAY_CONFIG` names; its keys are the names below",
        "without `ASSAY_`, in lower case.",
        "",
        "| variable | what it does | default |",
        "| --- | --- | --- |",
        *_rows({k: v for k, v in Settings.model_fields.items() if k not in _GROUPS}, "ASSAY_"),
        "",
        "## Signing in",
        "",
        "`ASSAY_SIGN_IN` says how long sign-ins hold, `ASSAY_OIDC` names a provider of identities:",
        "`ASSAY_SIGN_IN__IDLE_MINUTES=60` in the environment, or in the file",
        "",
        "```toml",
        "[sign_in]",
        "idle_minutes = 60",
        "```",
        "",
        "[Sign people in](../how-to/sign-in.md) shows both.",
        "",
        "| key of `sign_in` | what it does | default |",
        "| --- | --- | --- |",
        *_keys(SignInSettings.model_fields),
        "",
        "| key of `oidc` | what it does | default |",
        "| --- | --- | --- |",
        *_keys(OidcSettings.model_fields),
        "",
        "## Alerts",
        "",
        "`ASSAY_ALERTS` says when somebody is told, and who: `ASSAY_ALERTS__BACKLOG=5000` in the environment, or",
        "in the file",
        "",
        "```toml",
        "[alerts]",
        "backlog = 5000",
        "",
        "[alerts.channels]",
        'mail = "mailtos://user:password@mail.example.org?to=ops@example.org"',
        "```",
        "",
        "| key | what it does | default |",
        "| --- | --- | --- |",
        *_keys(AlertSettings.model_fields),
        "",
        "Of each webhook:",
        "",
        "| key | what it does |",
        "| --- | --- |",
        *(f"| `{name}` | {field.description} |" for name, field in WebhookSettings.model_fields.items()),
        "",
        *_feeds(),
        "## Language model and processing",
        "",
        "`ASSAY_LLM` says which language model reads entries of feeds, and how these are processed:",
        "`ASSAY_LLM__MODEL=qwen3:8b` in the environment, or in the file",
        "",
        "```toml",
        "[llm]",
        'model = "qwen3:8b"',
        "```",
        "",
        "The names that other programs use are honoured too, after those: "
        + ", ".join(f"`{name}` for `{field}`" for name, field in ELSEWHERE.items())
        + ".",
        "All but the key and the authorities may be changed at run time.",
        "[Use a language model](../how-to/language-model.md) shows how.",
        "",
        "| key | what it does | default |",
        "| --- | --- | --- |",
        *_keys(LlmSettings.model_fields),
        "",
        "## One source",
        "",
        "`ASSAY_SOURCES` changes single sources: `ASSAY_SOURCES__OSV__URL=...` in the environment, or in the file",
        "",
        "```toml",
        "[sources.osv]",
        'url = "https://mirror.example.org/osv"',
        "```",
        "",
        "| key | what it does |",
        "| --- | --- |",
        *(f"| `{name}` | {field.description} |" for name, field in SourceSettings.model_fields.items()),
    ]
    return "\n".join(lines) + "\n"


def _where(source: Source) -> str:
    match source.transport:
        case Download(url):
            return f"one file, <{url}>"
        case Bucket(url=url, fallback_url=fallback):
            return f"bucket `{url}`, else <{fallback}>"
        case Repository(url=url, branch=branch):
            return f"git repository <{url}>, branch `{branch}`"


def sources() -> str:
    """The page on sources."""
    lines = ["# Sources", "", "Written by `tools/write_reference.py` from the files in `sources/`.", ""]
    for name, source in discover().items():
        lines += [
            f"## `{name}`: {source.title}",
            "",
            f"- home: <{source.home}>",
            f"- fetched from: {_where(source)}",
            f"- schedule: `{source.schedule}` (UTC)",
            f"- licence: {source.licence}",
            f"- attribution: {source.attribution}",
            *([f"- note: {source.notes}"] if source.notes else []),
            "",
        ]
    return "\n".join(lines).rstrip("\n") + "\n"


def formats() -> str:
    """The page on formats."""
    lines = [
        "# Formats",
        "",
        "Written by `tools/write_reference.py` from the files in `pipelines/packages/sources/`. A file is known",
        "by its name, in upper or lower case; `*` stands for anything. A file that is named by itself is also known by",
        "what is in it where the last column says so; else `--format-of NAME` says what it is.",
        "",
        "| name | what | ecosystem | files | known by content |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, form in formats_of.discover().items():
        files = ", ".join(f"`{pattern}`" for pattern in form.names)
        known = "yes" if form.recognises else "no"
        lines.append(f"| `{name}` | {form.title} | {form.ecosystem or 'any'} | {files} | {known} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check; 1 when a check fails."""
    stale: list[Any] = []
    pages = {"settings.md": settings(), "sources.md": sources(), "formats.md": formats()}
    for name, text in pages.items():
        path = REFERENCE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        print("stale:", *stale)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
