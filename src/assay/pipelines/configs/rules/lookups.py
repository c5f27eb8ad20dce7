"""Files of lookups that are referred to and are not there, as far as an archive can tell.

transforms.conf.spec, `filename`: only the name counts, whatever path is said; the file lies in `lookups` of the app, of
another one that shares it, or of the system. A search may write it (`outputlookup`) when it first runs.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from assay.domain.splunk.layers import Effective, Winner

# Files that a person makes. A model (`.mlmodel`) is written by the search that learns it.
FILES = (".csv", ".csv.gz", ".kmz")
_WRITTEN = re.compile(r"\boutputlookup\b([^|\]]*)", re.IGNORECASE)
_WORD = re.compile(r"[^\s\"',=()]+")


class Missing(NamedTuple):
    """A reference to a file that is in no folder of lookups."""

    conf: str
    stanza: str
    key: str
    winner: Winner
    file: str


def missing_files(confs: Mapping[str, Effective], present: frozenset[str]) -> Iterator[Missing]:
    """Files that transforms and automatic lookups name, that are not present, and that no kept search writes."""
    written = _written(confs)
    for one in _uses(confs):
        is_written = one.file in written or (one.conf == "transforms" and one.stanza in written)
        if one.file.endswith(FILES) and one.file not in present and not is_written:
            yield one


def _uses(confs: Mapping[str, Effective]) -> Iterator[Missing]:
    nothing = Effective("", {})
    for name, stanza in confs.get("transforms", nothing).stanzas.items():
        winner = stanza.settings.get("filename")
        if winner is not None:
            yield Missing("transforms", name, "filename", winner, _name(winner.value))
    for name, stanza in confs.get("props", nothing).stanzas.items():
        for key, winner in stanza.settings.items():
            if key.startswith("LOOKUP-") and winner.value.strip():
                yield Missing("props", name, key, winner, _name(winner.value.split(maxsplit=1)[0].strip('"')))


def _name(said: str) -> str:
    return said.strip().replace("\\", "/").rpartition("/")[2]


def _written(confs: Mapping[str, Effective]) -> frozenset[str]:
    """The lookups, by file or stanza, that saved searches and macros write."""
    nothing = Effective("", {})
    texts = [
        winner.value
        for conf, key in (("savedsearches", "search"), ("macros", "definition"))
        for stanza in confs.get(conf, nothing).stanzas.values()
        if (winner := stanza.settings.get(key)) is not None
    ]
    return frozenset(
        word for text in texts for said in _WRITTEN.findall(text) for word in _WORD.findall(said)
    )
