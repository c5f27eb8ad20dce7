"""The documents and the program say the same: commands, options, settings, sources, make targets."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Origin

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
REFERENCE = ROOT / "docs" / "reference"

# ```sh ... ``` is typed as it stands; in ```console ... ``` what is typed follows "$ ".
_BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"^([a-z]+):.*?## ", re.MULTILINE)


def typed(document: str) -> Iterator[list[str]]:
    """Every command that a document tells its reader to type, in words."""
    for kind, block in _BLOCK.findall(document):
        for line in block.replace("\\\n", " ").splitlines():
            prompt, command = ("$ ", line.removeprefix("$ ")) if kind == "console" else ("", line)
            if line.startswith(prompt):
                for part in re.split(r"\s(?:\||&&|;)\s", command):
                    words = shlex.split(part, comments=True)
                    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                        words.pop(0)
                    if words:
                        yield words


def commands(program: str) -> list[tuple[str, list[str]]]:
    """(document, arguments) of every call of a program in the documents."""
    return [
        (str(path.relative_to(ROOT)), words[1:])
        for path in DOCUMENTS
        for words in typed(path.read_text(encoding="utf-8"))
        if Path(words[0]).name == program
    ]


def wrong(command: Any, words: list[str]) -> str | None:
    """What of a command line the program does not know; None when it knows everything."""
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help"}
    children: Mapping[str, Any] | None = getattr(command, "commands", None)
    for place, word in enumerate(words):
        if word.startswith("-") and word.partition("=")[0] not in known:
            return word
        if children is not None and not word.startswith("-"):
            return wrong(children[word], words[place + 1 :]) if word in children else word
    return None


@pytest.fixture(scope="module")
def program() -> Any:
    from assay.cli import app

    return typer.main.get_command(app)


def test_documented_commands_exist(program):
    calls = commands("assay")
    assert calls
    unknown = [(document, shlex.join(words), wrong(program, words)) for document, words in calls]
    assert [entry for entry in unknown if entry[2] is not None] == []


def test_every_command_is_documented(program):
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert [name for name in program.commands if not re.search(rf"\bassay {name}\b", text)] == []


def test_an_unknown_command_or_option_is_found():
    app = typer.Typer()
    catalog = typer.Typer()
    app.add_typer(catalog, name="catalog")

    @catalog.command()
    def stats(json: bool = False) -> None: ...

    @app.command()
    def sync(sources: list[str], origin: str = typer.Option("", "--from")) -> None: ...

    command = typer.main.get_command(app)
    assert wrong(command, ["catalog", "stats", "--json"]) is None
    assert wrong(command, ["sync", "osv", "--from", "osv=x"]) is None
    assert wrong(command, ["catalog", "status"]) == "status"
    assert wrong(command, ["catalog", "stats", "--yaml"]) == "--yaml"
    assert wrong(command, ["sink", "osv"]) == "sink"


def test_commands_are_found_in_blocks():
    document = (
        "```sh\nmake run\nA=1 .venv/bin/assay sync osv \\\n  --full # why\n```\n"
        "```console\n$ assay show X | head\nassay 1\n```\n"
    )
    assert list(typed(document)) == [
        ["make", "run"],
        [".venv/bin/assay", "sync", "osv", "--full"],
        ["assay", "show", "X"],
        ["head"],
    ]


def test_every_setting_is_documented():
    from assay.settings import Settings

    prefix = Settings.model_config.get("env_prefix", "")
    assert prefix == "ASSAY_"
    names = {prefix + field.upper() for field in Settings.model_fields}
    reference = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}`" not in reference} == set()
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    mentioned = set(re.findall(r"\bASSAY_[A-Z][A-Z_]*[A-Z]\b", text))
    assert {
        name for name in mentioned if not any(name == n or name.startswith(n + "__") for n in names)
    } == set()


def test_every_source_is_documented():
    from assay.pipelines.advisories.sources import discover

    reference = (REFERENCE / "sources.md").read_text(encoding="utf-8")
    for source in discover().values():
        assert f"`{source.name}`" in reference
        assert source.title in reference
        assert source.licence in reference


def test_every_format_is_documented():
    from assay.pipelines.packages.sources import discover

    reference = (REFERENCE / "formats.md").read_text(encoding="utf-8")
    for form in discover().values():
        assert f"| `{form.name}` | {form.title} | " in reference
        assert ", ".join(f"`{pattern}`" for pattern in form.names) in reference


def test_make_targets_and_documents_agree():
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    assert {"install", "run", "test", "check", "bench", "peers", "lock", "docs"} <= targets
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    # `make test` in a sentence, or "make test" at the start of a line of a block.
    named = set(re.findall(r"(?:`|^\$ |^)make ([a-z]+)\b", text, re.MULTILINE))
    assert named == targets


def test_links_between_documents_lead_somewhere():
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in [*DOCUMENTS, ROOT / "CHANGELOG.md", ROOT / "sample" / "README.md"]
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]
    assert broken == []


def worked_examples() -> list[dict[str, Any]]:
    """What each Python file that CONTRIBUTING.md shows defines."""
    document = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    modules = []
    for example in re.findall(r"^```python\n(.*?)^```$", document, re.MULTILINE | re.DOTALL):
        module: dict[str, Any] = {"__name__": "example"}
        exec(compile(example, "CONTRIBUTING.md", "exec"), module)
        modules.append(module)
    return modules


def test_the_worked_example_reads_a_record():
    [source] = [module["SOURCE"] for module in worked_examples() if "SOURCE" in module]
    advisories = (
        b'[{"id": "CURL-CVE-2024-2398", "aliases": ["CVE-2024-2398 "], "published": "2024-03-27T08:00:00Z"}]'
    )
    [(record_id, raw)] = source.split(advisories)
    claim = source.read(record_id, raw)
    assert claim.identifiers == ("CURL-CVE-2024-2398", "CVE-2024-2398")
    assert claim.published.isoformat() == "2024-03-27T08:00:00+00:00"
    with pytest.raises(BadRecord):
        source.read("x", b"[]")


def test_the_worked_example_reads_a_lockfile():
    [form] = [module["FORMAT"] for module in worked_examples() if "FORMAT" in module]
    assert isinstance(form, Format)
    lock = (
        b'{"R": {"Version": "4.3.1"}, "Packages": {'
        b'"mime": {"Package": "mime", "Version": "0.12-1", "Source": "Repository", "Repository": "CRAN"},'
        b'"edge": {"Package": "edge", "Version": "1.0", "Source": "GitHub", "RemoteSha": "c0ffee"},'
        b'"bare": {"Package": "bare", "Source": "Repository"}}}'
    )
    found = form.read("renv.lock", lock)
    mime, edge = found.packages
    assert (mime.ecosystem, mime.purl, mime.place) == ("CRAN", "pkg:cran/mime@0.12-1", "$.Packages.mime")
    assert (mime.origin, edge.origin, edge.commit) == (Origin.REGISTRY, Origin.GIT, "c0ffee")
    assert [(fault.place, fault.reason) for fault in found.faults] == [("$.Packages.bare", "wrong-type")]
    assert form.read("renv.lock", b'{"R": {"Version": "4.3.1"}}').packages == ()
    for nothing in (b"[]", b"{}", b"\xff", b"[" * 100_000):
        with pytest.raises(BadRecord):
            form.read("renv.lock", nothing)
