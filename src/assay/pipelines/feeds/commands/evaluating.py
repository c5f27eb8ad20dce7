"""Measuring the extraction on labelled texts: the operator's own, or those of CVE and OSV records."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import monotonic
from zipfile import BadZipFile, ZipFile

from msgspec.structs import replace

from assay.errors import BadRecord, Permanent, Transient
from assay.kit.db import Connection
from assay.pipelines.feeds.model.evaluation import Report
from assay.pipelines.feeds.model.extraction import Extraction, Prose
from assay.pipelines.feeds.model.review import State
from assay.pipelines.feeds.rules.completing import completed
from assay.pipelines.feeds.rules.evaluating import THRESHOLD, Scores
from assay.pipelines.feeds.rules.extracting import extract
from assay.pipelines.feeds.rules.labelled import OWN, Aliases, Labelled, from_cve, from_line
from assay.pipelines.feeds.rules.labelled_osv import Packaged, from_osv
from assay.pipelines.feeds.rules.learning import clues_in, learn
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.rules.placing import judged
from assay.pipelines.feeds.tasks.asking import Needs, language_model
from assay.pipelines.feeds.tasks.completing import Unanswered, values_of
from assay.pipelines.feeds.tasks.naming import Dictionary

__all__ = [
    "THRESHOLD",
    "Asked",
    "Split",
    "asker",
    "evaluate",
    "kind_of",
    "names_gathered",
    "read_labelled",
    "split",
    "taught_by",
    "unseen",
]

MOST_TESTED = 2_000
"""Texts that are measured on, the newest, where nothing says from which day on."""

Ask = Callable[[Prose, Extraction], Extraction]
Progress = Callable[[int, int], None]


def unseen(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True, slots=True)
class Split:
    """What teaches the dictionary, and what is measured on, which is newer than all of that."""

    older: list[Labelled]
    newer: list[Labelled]


def read_labelled(paths: Iterable[Path]) -> list[Labelled]:
    """Every labelled text in some places, the oldest first, undated ones last: archives (zip), folders and files of CVE
    and OSV records (JSON), and JSON Lines.

    Raises Permanent for a place that holds none, and for a line that is none.
    """
    found = []
    for path in paths:
        some = list(_read(path))
        if not some:
            raise Permanent(
                f"{path} holds no labelled text: give CVE or OSV records (a zip or a folder), or JSON Lines with "
                '{"text": ..., "vendor": ..., "product": ...} (docs/how-to/feeds-eval.md)'
            )
        found += some
    return sorted(found, key=lambda one: (one.published or "9999", one.label.name))


def _read(path: Path) -> Iterator[Labelled]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            if (one := _record(file.read_bytes())) is not None:
                yield one
    elif path.suffix == ".zip":
        try:
            with ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".json") and (one := _record(archive.read(name))) is not None:
                        yield one
        except (BadZipFile, FileNotFoundError) as problem:
            raise Permanent(f"{path} is no archive that can be read: {problem}") from None
    else:
        yield from _read_file(path)


def _record(raw: bytes) -> Labelled | None:
    return from_cve(raw) or from_osv(raw)


def _read_file(path: Path) -> Iterator[Labelled]:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise Permanent(f"{path} cannot be read: {problem.strerror}") from None
    if (whole := _record(content)) is not None:
        yield whole
        return
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield from_line(line)
        except BadRecord as problem:
            raise Permanent(
                f"{path}, line {number}: {problem.detail}; each line is an object of JSON with at least a `text` "
                "(docs/how-to/feeds-eval.md)"
            ) from None


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
    older = placed[:place]
    newer = list(islice(_unheard(older, placed[place:]), most))
    if not newer:
        raise Permanent(f"no labelled text was published since {since or 'any day'}: choose an earlier day")
    return Split(older, newer)


def _unheard(older: Iterable[Labelled], newer: Iterable[Labelled]) -> Iterator[Labelled]:
    """Those about vulnerabilities of which no older text speaks, and no other of the same kind: others repeat it."""
    told = {name for one in older for name in one.label.ids}
    heard: set[tuple[str, str]] = set()
    for one in newer:
        own = {(kind_of(one), name) for name in one.label.ids}
        if told.isdisjoint(one.label.ids) and heard.isdisjoint(own):
            heard |= own
            yield one


def taught_by(records: Iterable[Labelled]) -> Names:
    """A dictionary of what some records say."""
    names = Names()
    learned = list(records)
    learn(names, [one for one in learned if not isinstance(one, Packaged)])
    for one in learned:
        if isinstance(one, Packaged):
            for row in one.packages:
                names.add(row)
            for clue in clues_in(one.prose, one.truth.pairs):
                names.add_clue(clue)
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
    progress: Progress = unseen,
) -> list[Report]:
    """For each kind of texts the tables by rules alone, and by rules and a model where one is asked."""
    aliases = Aliases(chosen.older)
    kinds: dict[str, tuple[Scores, Scores]] = {}
    for done, one in enumerate(chosen.newer):
        kind = kind_of(one)
        if kind not in kinds:
            kinds[kind] = (
                Scores(names, aliases, threshold=threshold),
                Scores(names, aliases, threshold=threshold),
            )
        alone, together = kinds[kind]
        verdict = extract(one.prose, names)
        said = _about(verdict.extractions, one)
        alone.count(one, said)
        if ask is not None:
            together.count(one, ask(one.prose, said) if said is not None else None)
        progress(done + 1, len(chosen.newer))
    reports = []
    for kind, (alone, together) in kinds.items():
        reports.append(replace(alone.report("rules"), kind=kind))
        if ask is not None:
            reports.append(replace(together.report("rules and model"), kind=kind))
    return reports


def kind_of(one: Labelled) -> str:
    """What a labelled text is called in the tables, after where its labels come from."""
    if one.label.source == OWN:
        return "own texts"
    return "OSV records" if isinstance(one, Packaged) else "CVE records"


def _about(said: Sequence[Extraction], one: Labelled) -> Extraction | None:
    """What is said of the vulnerability that the label is about; else the first."""
    for extraction in said:
        if extraction.identifier is not None and extraction.identifier.value in one.label.ids:
            return extraction
    return said[0] if said else None


@dataclass(slots=True)
class Asked:
    """How often a model was asked, for how long in all, and why answers came to nothing."""

    questions: int = 0
    seconds: float = 0.0
    refused: list[str] = field(default_factory=list)


@contextmanager
def asker(ctx: Needs, asked: Asked) -> Iterator[Ask]:
    """How the model that is configured is asked; what it came to is noted in `asked`, and changes nothing.

    Raises Permanent where none is configured.
    """
    with language_model(ctx) as model:
        if model is None:
            raise Permanent("no language model is asked here: `assay llm` sets one, or leave --model away")

        threshold = model.language.threshold

        def ask(prose: Prose, said: Extraction) -> Extraction:
            # As in processing: nobody is asked about what stands by itself.
            if judged(said, threshold) is State.ACCEPTED:
                return said
            started = monotonic()
            try:
                values = values_of(prose, said, model)
            except (Unanswered, Transient, BadRecord) as problem:
                asked.refused.append(str(problem))
                values = {}
            if values is not None:
                asked.questions += 1
                asked.seconds += monotonic() - started
            return completed(said, values, threshold) if values else said

        yield ask
