"""What a source gives at this moment, page by page or file by file; nothing is written down here."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from assay.errors import AssayError, BadRecord, Permanent, Transient
from assay.kit.archive_file import DirectoryArchive
from assay.kit.budget import Budget, UnpackLimits
from assay.kit.member import Limits as MemberLimits
from assay.kit.packed_tree import walk
from assay.kit.transfer import Downloaded, Fetched, NotModified, Validators
from assay.pipelines.feeds.model.documents import Bad, Document, Listing, Reader
from assay.pipelines.feeds.model.entries import Received
from assay.pipelines.feeds.model.sources import MOST_BAD, Kind, Limits
from assay.pipelines.feeds.tasks.needs import Needs

_MOST_FILES = 200_000
# So many links one after another that cannot be reached, and the server is left alone.
_LINKS_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A source to be asked: its reader's options and cursor, and what its requests carry."""

    kind: Kind
    address: str
    options: Any
    cursor: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Gathered:
    """What came, document by document (its SHA-256 where it has one, its entries), and where the next fetch goes on.

    `error` is why it ended before its end; what had come until then is there.
    """

    documents: list[tuple[str | None, Sequence[Received]]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    cursor: dict[str, Any] = field(default_factory=dict)
    is_unchanged: bool = False
    error: AssayError | None = None

    @property
    def entries(self) -> Iterator[Received]:
        """Every entry, in order."""
        return (entry for _, entries in self.documents for entry in entries)


class Gathering:
    """One fetch of a source. `check` raises when the job must end, `known` tells which keys need no second look."""

    def __init__(
        self,
        ctx: Needs,
        reader: Reader,
        asked: Asked,
        *,
        limits: Limits,
        check: Callable[[], None] = lambda: None,
        known: Callable[[Sequence[str]], set[str]] = lambda _: set(),
        most_documents: int = 1_000_000,
        is_trial: bool = False,
    ) -> None:
        self._ctx = ctx
        self._reader = reader
        self._asked = asked
        self._limits = limits
        self._check = check
        self._known = known
        self._left = most_documents
        self._is_trial = is_trial
        self._ends = time.monotonic() + limits.seconds
        self._bytes = 0
        self._found = Gathered()

    def run(self) -> Gathered:
        """What the source gives. Raises AssayError when nothing could be had at all."""
        if self._asked.kind is not Kind.FILES:
            self._pages()
        elif self._asked.address.startswith(("https://", "http://")):
            self._download()
        else:
            self._local(allowed_path(self._asked.address, self._limits.roots))
        if len(self._found.bad) > MOST_BAD:
            raise Permanent(
                f"more than {MOST_BAD:,} entries cannot be used, the first because: {self._found.bad[0].detail}. "
                "Correct the source's options"
            )
        return self._found

    def _pages(self) -> None:
        asked, found = self._asked, self._found
        address: str | None = self._reader.first(asked.address, asked.options, asked.cursor.get("mark"))
        first, seen, links = address, set[str](), list[tuple[str, msgspec.Struct]]()
        validators = _validators(asked.cursor, str(first))
        pages = 1 if self._is_trial else getattr(asked.options, "max_pages", 1)
        mark = asked.cursor.get("mark")
        while address is not None and address not in seen and len(seen) < pages and self._left > 0:
            is_first = not seen
            seen.add(address)
            try:
                answer = self._ask(address, validators if is_first else None)
                if isinstance(answer, NotModified):
                    found.is_unchanged, found.cursor = True, dict(asked.cursor)
                    return
                listing = self._taken(self._document(address, answer), asked.options)
            except AssayError as error:
                if is_first:
                    raise
                # What came before stands; the next fetch begins at the beginning.
                found.error = error
                return
            if is_first:
                found.cursor = _noted(str(first), answer.validators)
            mark = listing.mark or mark
            links += [(link, listing.link_options or asked.options) for link in listing.links]
            address = listing.following
        if mark is not None:
            # A mark is another question every time: what was named for the last one says nothing.
            found.cursor = {"mark": mark}
        self._follow(links)

    def _follow(self, links: Sequence[tuple[str, msgspec.Struct]]) -> None:
        known = self._known([link for link, _ in links]) if links else set()
        in_a_row = 0
        for link, options in links:
            if link in known:
                continue
            if self._left <= 0:
                return
            try:
                answer = self._ask(link, None)
                assert isinstance(answer, Fetched), "it was asked without a condition"
                self._taken(self._document(link, answer, key=link), options)
                in_a_row = 0
            except AssayError as error:
                reason = error.reason if isinstance(error, BadRecord) else "unreachable"
                self._found.bad.append(Bad(link, reason, self.redacted(str(error))))
                # It is asked for again with the next fetch, so the page that names it has to be read again.
                self._found.cursor.pop("asked", None)
                in_a_row = 0 if isinstance(error, BadRecord) else in_a_row + 1
                if in_a_row == _LINKS_IN_A_ROW:
                    self._found.error = error
                    return

    def _ask(self, address: str, validators: Validators | None) -> Fetched | NotModified:
        self._check()
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Transient(
                f"the source took more than {self._limits.seconds:,.0f} seconds: the rest comes later"
            )
        self._left -= 1
        whole, headers = self._with_secrets(address)
        return self._ctx.outside.fetch(
            whole,
            validators=validators,
            headers=headers,
            max_bytes=self._limits.document_bytes,
            max_seconds=left,
        )

    def _with_secrets(self, address: str) -> tuple[str, dict[str, str]]:
        """The address and the header fields as they are sent; secrets go to the source's own server only."""
        if _origin(address) != _origin(self._asked.address):
            return address, {}
        said = {name[1:]: value for name, value in self._asked.secrets.items() if name.startswith("?")}
        headers = {name: value for name, value in self._asked.secrets.items() if not name.startswith("?")}
        return _with_query(address, said) if said else address, headers

    def _document(self, address: str, answer: Fetched, key: str | None = None) -> Document:
        hidden = {name[1:] for name in self._asked.secrets if name.startswith("?")}
        shown = key or _without_query(answer.url, hidden)
        return Document(address=shown or address, content=answer.body, headers=answer.headers)

    def _taken(self, document: Document, options: Any, digest: str | None = None) -> Listing:
        listing = self._reader.read(document, options)
        self._bytes += sum(len(entry.raw) for entry in listing.entries)
        if self._bytes > self._limits.total_bytes:
            raise Permanent(
                f"the source gave more than {self._limits.total_bytes:,} bytes at once: narrow it, or raise "
                "ASSAY_FEEDS__MAX_TOTAL_MB"
            )
        name = digest if self._asked.kind is Kind.FILES else sha256(document.content).hexdigest()
        self._found.documents.append((name, listing.entries))
        self._found.bad += listing.bad
        return listing

    def _download(self) -> None:
        asked = self._asked
        whole, headers = self._with_secrets(asked.address)
        answer = self._ctx.outside.download(
            whole,
            self._ctx.fetched,
            validators=_validators(asked.cursor, asked.address),
            progress=lambda _done, _total: self._check_time(),
            max_bytes=self._limits.total_bytes,
            headers=headers,
        )
        if isinstance(answer, NotModified):
            self._found.is_unchanged, self._found.cursor = True, dict(asked.cursor)
            return
        try:
            self._archive(answer)
        finally:
            self._ctx.fetched.remove(answer.stored.sha256)

    def _archive(self, answer: Downloaded) -> None:
        digest = answer.stored.sha256
        self._found.cursor = {**_noted(self._asked.address, answer.validators), "digest": digest}
        if self._asked.cursor.get("digest") == digest:
            self._found.is_unchanged = True
            return
        name = urlsplit(answer.url).path.rpartition("/")[2] or "archive"
        self._walk(self._ctx.fetched.path(digest), name, digest, answer.stored.bytes)

    def _local(self, path: Path) -> None:
        if path.is_dir():
            self._directory(path)
            return
        with path.open("rb") as file:
            hashed = sha256()
            for chunk in iter(lambda: file.read(1 << 20), b""):
                hashed.update(chunk)
        digest = hashed.hexdigest()
        self._found.cursor = {"digest": digest}
        self._found.is_unchanged = self._asked.cursor.get("digest") == digest
        if not self._found.is_unchanged:
            self._walk(path, path.name, digest, path.stat().st_size)

    def _walk(self, path: Path, name: str, digest: str, size: int) -> None:
        limits = UnpackLimits(
            unpacked_bytes=self._limits.total_bytes,
            members=_MOST_FILES,
            member_bytes=self._limits.document_bytes,
            seconds=max(1.0, self._ends - time.monotonic()),
        )
        for found in walk(path, name, self._asked.options.wants, Budget(limits, size)):
            if found.fault is not None and self._asked.options.wants(found.name):
                self._found.bad.append(
                    Bad(found.name, found.fault, f"{found.name}: {found.size:,} bytes, not read")
                )
            elif found.content is not None:
                self._file(found.name, found.content, digest)

    def _directory(self, path: Path) -> None:
        limits = MemberLimits(
            max_member_bytes=self._limits.document_bytes,
            max_members=_MOST_FILES,
            max_total_bytes=self._limits.total_bytes,
        )
        with DirectoryArchive(path, limits) as archive:
            wanted = [member for member in archive.members() if self._asked.options.wants(member.name)]
            digest = blake2b(digest_size=32)
            for member in wanted:
                digest.update(member.name.encode(errors="replace") + b"\0" + member.fingerprint)
            self._found.cursor = {"digest": digest.hexdigest()}
            self._found.is_unchanged = self._asked.cursor.get("digest") == digest.hexdigest()
            for member in () if self._found.is_unchanged else wanted:
                try:
                    content = archive.read(member)
                except BadRecord as error:
                    self._found.bad.append(Bad(member.name, error.reason, error.detail))
                    continue
                self._file(member.name, content, None)

    def _file(self, name: str, content: bytes, digest: str | None) -> None:
        self._check_time()
        if self._left <= 0:
            return
        self._left -= 1
        try:
            self._taken(Document(address=name, content=content), self._asked.options, digest)
        except BadRecord as error:
            self._found.bad.append(Bad(name, error.reason, error.detail, content))

    def _check_time(self) -> None:
        self._check()
        if time.monotonic() > self._ends:
            raise Transient(f"the source took more than {self._limits.seconds:,.0f} seconds: it comes later")

    def redacted(self, said: str) -> str:
        """A sentence without the values that only the source's server may see."""
        for value in self._asked.secrets.values():
            said = said.replace(value, "...") if len(value) > 3 else said
        return said


def allowed_path(address: str, roots: Sequence[Path]) -> Path:
    """The real path of a file or directory below one of the roots. Raises Permanent for another one."""
    path = Path(address)
    try:
        real = path.resolve(strict=True)
        real_roots = [root.resolve(strict=True) for root in roots if root.exists()]
    except (OSError, RuntimeError) as error:
        raise Permanent(f"{path} cannot be read: {error}: check the path and its permissions") from error
    if not any(real == root or root in real.parents for root in real_roots):
        raise Permanent(
            f"{path} is not below a folder that ASSAY_FEEDS__ROOTS allows: move it there, or add its folder"
        )
    if not (real.is_dir() or real.is_file()):
        raise Permanent(f"{path} is neither a file nor a directory: correct the address")
    return real


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_same_origin(one: str, other: str) -> bool:
    """Whether two addresses are of the same server."""
    return _origin(one) == _origin(other)


def _with_query(address: str, said: Mapping[str, str]) -> str:
    parts = urlsplit(address)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in said]
    return urlunsplit(parts._replace(query=urlencode([*kept, *said.items()])))


def _without_query(address: str, names: set[str]) -> str:
    if not names:
        return address
    parts = urlsplit(address)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in names]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _validators(cursor: Mapping[str, Any], address: str) -> Validators | None:
    """What the server named the version that was read last, if it is asked for the same thing."""
    if cursor.get("asked") != address:
        return None
    return Validators(cursor.get("etag"), cursor.get("last_modified"))


def _noted(address: str, validators: Validators) -> dict[str, Any]:
    if validators.etag is None and validators.last_modified is None:
        return {}
    return {"asked": address, "etag": validators.etag, "last_modified": validators.last_modified}
