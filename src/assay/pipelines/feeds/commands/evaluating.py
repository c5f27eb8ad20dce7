"""Measuring the extraction on labelled texts: the operator's own, or a CVE archive."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from assay.errors import BadRecord, Permanent, Transient
from assay.kit.db import Connection
from assay.pipelines.feeds.model.evaluation import Report
from assay.pipelines.feeds.model.extraction import Extraction, Prose
from assay.pipelines.feeds.rules.completing import completed
from assay.pipelines.feeds.rules.evaluating import THRESHOLD, Scores
from assay.pipelines.feeds.rules.extracting import extract
from assay.pipelines.feeds.rules.labelled import OWN, Aliases, Labelled, from_cve, from_line
from assay.pipelines.feeds.rules.learning import learn
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.tasks.asking import Needs, language_model
from assay.pipelines.feeds.tasks.completing import Unanswered, values_of
from assay.pipelines.feeds.tasks.naming import Dictionary

MOST_TESTED = 2_000
"""Texts that are measured on, the newest, where nothing says from which day on."""

Ask = Callable[[Prose, Extraction], Extraction]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Split:
    """What teaches the dictionary, and what is measured on, which is newer than all of that."""

    older: list[Labelled]
    newer: list[Labelled]


def read_labelled(paths: Iterable[Path]) -> list[Labelled]:
    """Every labelled text in some places, the oldest first, undated ones last: CVE archives (zip), folders and files of
    CVE records (JSON), and JSON Lines.

    Raises Permanent for a place that holds none, and for a line that is none.
    """
    found = []
    for path in paths:
        some = list(_read(path))
        if not some:
            raise Permanent(
                f"{path} holds no labelled text: give a CVE archive (zip), a folder of CVE records, or JSON Lines with "
                '{"text": ..., "vendor": ..., "product": ...} (docs/how-to/feeds-eval.md)'
            )
        found += some
    return sorted(found, key=lambda one: (one.published or "9999", one.label.name))


def _read(path: Path) -> Iterator[Labelled]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            if (one := from_cve(file.read_bytes())) is not None:
                yield one
    elif path.suffix == ".zip":
        try:
            with ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".json") and (one := from_cve(archive.read(name))) is not None:
                        yield one
        except (BadZipFile, FileNotFoundError) as problem:
            raise Permanent(f"{path} is no archive that can be read: {problem}") from None
    else:
        yield from _read_file(path)


def _read_file(path: Path) -> Iterator[Labelled]:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise Permanent(f"{path} cannot be read: {problem.strerror}") from None
    if (whole := from_cve(content)) is not None:
        yield whole
        return
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield from_line(line)
        except BadRecord as problem:
            raise Permanent(f"{path}, line {number}: {problem.detail}") from None


def split(records: list[Labelled], since: str | None, most: int = MOST_TESTED) -> Split:
    """The records of a day and later are measured on, those before it teach; without a day the newest are, a fifth of
    the dated ones at most. Raises Permanent where nothing is left to measure on.
    """
    # A record without a day may be older or newer than what teaches. One's own texts teach nothing without a day.
    placed = [one for one in records if one.published or one.label.source == OWN]
    if since is None:
        dated = sum(1 for one in placed if one.published)
        place = max(dated - min(most, dated // 5 or dated), 0)
    else:
        place = sum(1 for one in placed if one.published and one.published < since)
    older, newer = placed[:place], placed[place:][:most]
    if not newer:
        raise Permanent(f"no labelled text was published since {since or 'any day'}: choose an earlier day")
    return Split(older, newer)


def taught_by(records: Iterable[Labelled]) -> Names:
    """A dictionary of what some records say."""
    names = Names()
    learn(names, records)
    return names


def names_gathered(conn: Connection) -> Names:
    """The dictionary of this installation."""
    return Dictionary().names(conn)


def evaluate(
    chosen: Split,
    names: Names,
    *,
    threshold: float = THRESHOLD,
    ask: Ask | None = None,
    progress: Progress = lambda _done, _total: None,
) -> list[Report]:
    """The tables by rules alone, and by rules and a model where one is asked."""
    aliases = Aliases(chosen.older)
    alone, together = (Scores(names, aliases, threshold=threshold) for _ in range(2))
    for done, one in enumerate(chosen.newer):
        verdict = extract(one.prose, names)
        said = _about(verdict.extractions, one)
        alone.count(one, said)
        if ask is not None:
            together.count(one, ask(one.prose, said) if said is not None else None)
        progress(done + 1, len(chosen.newer))
    reports = [alone.report("rules")]
    if ask is not None:
        reports.append(together.report("rules and model"))
    return reports


def _about(said: Sequence[Extraction], one: Labelled) -> Extraction | None:
    """What is said of the vulnerability that the label is about; else the first."""
    for extraction in said:
        if extraction.identifier is not None and extraction.identifier.value in one.label.ids:
            return extraction
    return said[0] if said else None


@contextmanager
def asker(ctx: Needs, refused: list[str]) -> Iterator[Ask]:
    """How the model that is configured is asked; why answers never came is noted in `refused`, and changes nothing.

    Raises Permanent where none is configured.
    """
    with language_model(ctx) as model:
        if model is None:
            raise Permanent("no language model is asked here: `assay llm` sets one, or leave --model away")

        def ask(prose: Prose, said: Extraction) -> Extraction:
            try:
                values = values_of(prose, said, model)
            except (Unanswered, Transient, BadRecord) as problem:
                refused.append(str(problem))
                return said
            return said if values is None else completed(said, values)

        yield ask
