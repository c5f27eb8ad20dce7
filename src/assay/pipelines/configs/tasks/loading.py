"""An archive as rows: settings as they come, everything else collected beside them."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from assay.domain.splunk.conf import Conf, Setting, Stanza, decode, pack, read
from assay.domain.splunk.places import Area, Kind, Place, locate, locate_lookup
from assay.domain.splunk.secrets import Fingerprint, may_hold_one, redacted, without_credentials
from assay.domain.splunk.specs import Documented, read_spec
from assay.errors import Permanent
from assay.kit.budget import Budget
from assay.kit.compression import compress
from assay.kit.packed_tree import Found, walk
from assay.pipelines.configs.queries import META
from assay.pipelines.configs.store import (
    ContentRow,
    DocumentedRow,
    FileRow,
    LookupRow,
    ProblemRow,
    Rows,
    SettingRow,
    StanzaRow,
)

# Far above what was ever seen in 29,000 files of 4,300 apps (3 MB the longest value, 77 MB all together).
MOST_CONF_BYTES = 1 << 30
MOST_STANZAS = 5_000_000
_MOST_PROBLEMS = 100_000
# Files that open secrets or hold them, by the end of their path; only their presence is noted.
_GIVEAWAYS = {
    "auth/splunk.secret": "the archive holds splunk.secret, with which every $7$ value can be decrypted: leave it out",
    "etc/passwd": "the archive holds etc/passwd, Splunk's users with their password hashes: leave it out",
}


# Not one in a package, or of another machine's backup deeper inside an app.
_VERSION_FILE = re.compile(r"^(?!.*(?:/apps/|!/))(?:.*/)?etc/splunk\.version$")


@dataclass(slots=True)
class Loaded:
    """What was read of an archive besides its settings."""

    rows: Rows = field(default_factory=Rows)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    superseded: list[int] = field(default_factory=list)
    version: str | None = None
    """Splunk's own, as `etc/splunk.version` says it."""


class Loading:
    """Reads one upload. `settings()` gives their rows; once it has ended, `loaded` has all the rest."""

    def __init__(
        self,
        path: Path,
        name: str,
        budget: Budget,
        fingerprint: Fingerprint,
        progress: Callable[[int], None],
    ) -> None:
        self.loaded = Loaded()
        self._path = path
        self._name = name
        self._budget = budget
        self._fingerprint = fingerprint
        self._progress = progress
        self._by_path: dict[str, int] = {}
        self._lone_app = _stem(name)

    def settings(self) -> Iterator[SettingRow]:
        """Every setting of every file, in the order of the archive. Raises Permanent past a limit."""
        for found in walk(self._path, self._name, self._is_wanted, self._budget):
            self.loaded.counts["members"] += 1
            self._note(found)
            if found.content is None:
                continue
            if _VERSION_FILE.search(found.name):
                self.loaded.version = _version(found.content)
                continue
            place = self._place(found.name)
            assert place is not None, "only what has a place is wanted"
            self._progress(self._budget.members)
            if place.kind is Kind.SPEC:
                self._read_spec(place, found.content)
            else:
                yield from self._read(found.name, place, found.content)
        if not self.loaded.rows.files:
            raise Permanent(
                "the upload holds no configuration file: it should have `<app>/default/*.conf`, `<app>/local/*.conf` "
                "or `system/local/*.conf` somewhere, or be one file that ends in .conf"
            )

    def _is_wanted(self, path: str) -> bool:
        return self._place(path) is not None or _VERSION_FILE.search(path) is not None

    def _place(self, path: str) -> Place | None:
        place = locate(path, self._lone_app)
        if place is None and path == self._name and path.endswith(".conf") and "/" not in path:
            # One file alone is somebody's `local`.
            return Place(Area.APP, self._lone_app, "", "local", Kind.CONF, path.removesuffix(".conf"))
        return place

    def _note(self, found: Found) -> None:
        if found.fault is not None:
            # A link is no fault of configurations, and there are many.
            self.loaded.counts["unread_members"] += 1
            self._problem(found.name, 0, found.fault, f"not read: {found.size:,} bytes")
        lookup = locate_lookup(found.name, self._lone_app)
        if lookup is not None:
            area, app, user, name = lookup
            self.loaded.rows.lookups.append(LookupRow(area.value, app, user, _shown(name)))
        for ending, note in _GIVEAWAYS.items():
            if found.name.endswith(ending) and note not in self.loaded.notes:
                self.loaded.notes.append(note)

    def _problem(self, path: str, line: int, code: str, detail: str) -> None:
        if len(self.loaded.rows.problems) < _MOST_PROBLEMS:
            shown = "(not shown: it may hold a secret)" if may_hold_one(detail) else detail
            self.loaded.rows.problems.append(ProblemRow(_shown(path), line, code, shown))

    def _read_spec(self, place: Place, content: bytes) -> None:
        self.loaded.counts["spec_files"] += 1
        spec = read_spec(decode(content)[0])

        def add(stanza: str | None, documented: Documented) -> None:
            for name in sorted(documented.names):
                rows.append(DocumentedRow(place.app, place.name, stanza, name, is_open=False))
            for name in sorted(documented.beginnings):
                rows.append(DocumentedRow(place.app, place.name, stanza, name, is_open=True))
            if stanza is not None and not (documented.names or documented.beginnings):
                # A stanza without settings of its own is documented all the same.
                rows.append(DocumentedRow(place.app, place.name, stanza, "", is_open=False))

        rows = self.loaded.rows.documented
        add(None, spec.everywhere)
        for stanza, documented in spec.stanzas.items():
            add(stanza, documented)

    def _read(self, path: str, place: Place, content: bytes) -> Iterator[SettingRow]:
        loaded = self.loaded
        conf = read(content)
        number = len(loaded.rows.files)
        name = META if place.kind is Kind.META else place.name
        again = self._by_path.get(path)
        if again is not None:
            loaded.superseded.append(again)
            self._problem(path, 0, "twice", "the archive holds this path more than once; the last one counts")
        self._by_path[path] = number
        count = sum(len(stanza.settings) for stanza in conf.stanzas)
        loaded.rows.files.append(_file_row(number, path, place, name, content, conf, count))
        loaded.counts["conf_bytes"] += len(content)
        if loaded.counts["conf_bytes"] > MOST_CONF_BYTES:
            raise Permanent(f"the configuration files come to more than {MOST_CONF_BYTES:,} bytes together")
        for problem in conf.problems:
            self._problem(path, problem.line, problem.code, problem.text)
        stanzas = [self._named_openly(stanza) for stanza in conf.stanzas]
        for stanza in stanzas:
            yield from self._stanza(number, name, stanza)
        # Without its secrets now, and compressed so that the files of a gigabyte can wait for the settings.
        loaded.rows.contents.append(ContentRow(number, name, compress(pack(stanzas))))

    def _named_openly(self, stanza: Stanza) -> Stanza:
        """The stanza under a name that holds no password, as an URL may."""
        if "@" not in stanza.name:
            return stanza
        name = without_credentials(stanza.name, self._fingerprint)
        return msgspec.structs.replace(stanza, name=name)

    def _stanza(self, file: int, conf: str, stanza: Stanza) -> Iterator[SettingRow]:
        """The rows of a stanza, out of whose own settings the secrets are gone when all have come."""
        rows = self.loaded.rows.stanzas
        number = len(rows)
        if number >= MOST_STANZAS:
            raise Permanent(f"the configuration files hold more than {MOST_STANZAS:,} stanzas")
        rows.append(StanzaRow(number, file, conf, stanza.name, stanza.line, stanza.is_implicit))
        fingerprint = self._fingerprint
        for at, one in enumerate(stanza.settings):
            hidden = redacted(conf, one.key, one.value, fingerprint)
            if hidden is None:
                yield file, number, conf, one.key, one.value, one.line, one.end, False
            else:
                self.loaded.counts["secrets"] += 1
                stanza.settings[at] = Setting(one.key, hidden, one.line, one.end)
                yield file, number, conf, one.key, hidden, one.line, one.end, True


def _shown(path: str) -> str:
    """A member's name as PostgreSQL can hold it."""
    return path.encode(errors="backslashreplace").decode().replace("\0", "")


def _version(content: bytes) -> str | None:
    """What `VERSION=` says, in the file beside Splunk's folders."""
    for line in content[:4096].decode("utf-8", "replace").splitlines():
        name, _, said = line.partition("=")
        if name.strip() == "VERSION" and (version := said.strip().replace("\0", "")):
            return version[:100]
    return None


def _file_row(
    number: int, path: str, place: Place, conf_name: str, content: bytes, conf: Conf, settings: int
) -> FileRow:
    return FileRow(
        number=number,
        path=path,
        area=place.area.value,
        app=place.app,
        owner=place.user,
        scope=place.scope,
        kind=place.kind.value,
        conf=conf_name,
        sha256=hashlib.sha256(content).digest(),
        bytes=len(content),
        encoding=conf.encoding,
        stanzas=len(conf.stanzas),
        settings=settings,
    )


def _stem(name: str) -> str:
    """The app's name in an upload that has no folder for it: the file's, without its endings."""
    last = name.replace("\\", "/").rpartition("/")[2]
    for ending in (".tar.gz", ".tar.zst", ".tar.xz", ".tgz", ".spl", ".tar", ".zip", ".conf"):
        if last.lower().endswith(ending):
            return last[: -len(ending)]
    return last
