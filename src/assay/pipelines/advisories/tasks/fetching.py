"""Fetching: a document from where its source publishes it, from a path or address, or from the store."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import structlog

from assay.errors import NotFound, Permanent, Transient
from assay.kit import git
from assay.kit.archive import Address, Kind, address_of, open_archive
from assay.kit.transfer import Downloaded, NotModified, Validators
from assay.pipelines.advisories import store
from assay.pipelines.advisories.model import Bucket, Download, RecordSource, Repository, Source
from assay.pipelines.advisories.store import DocumentRow
from assay.pipelines.advisories.tasks.needs import Needs, Progress

# The scope that means everything a source publishes.
EVERYTHING = "all"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked of one source.

    `origin` is a path or address to read instead of the source's own; `replay` the beginning of a stored
    document's name, empty for the newest; `scope` an ecosystem or EVERYTHING.
    """

    scope: str = EVERYTHING
    origin: str | None = None
    replay: str | None = None
    full: bool = False
    accept_loss: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document that is here now.

    `is_full` says that what it does not list is gone from the source; `is_listed` that what it lists is kept for
    the next time. `all_records` are the record ids of a list of changes, which lists more than it carries.
    """

    id: int
    name: str
    scope: str
    address: Address
    is_full: bool
    is_listed: bool = True
    cursor_at: datetime | None = None
    all_records: frozenset[str] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A document's bytes in the store, or its commit in a mirror, before it is written down."""

    name: str
    address: Address
    origin: str
    size: int | None = None
    validators: Validators = field(default_factory=Validators)


def fetch(ctx: Needs, source: Source, request: Request, progress: Progress) -> Fetched:
    """The document that a request means. Raises Transient or Permanent, saying what to do."""
    transport = source.transport
    if request.scope != EVERYTHING and not isinstance(transport, Bucket):
        raise Permanent(f"{source.name} is published as a whole; it has no ecosystems to choose from")
    if request.replay is not None:
        return replayed(ctx, source, request.scope, request.replay)
    if request.origin is not None:
        found = _from_origin(ctx, source, request.origin, request.scope, progress)
        is_alone = isinstance(source, RecordSource) and source.split is None
        is_single = is_alone and found.address.kind is Kind.FILE
        return write_down(ctx, source, request.scope, found, is_full=not is_single, is_listed=not is_single)
    try:
        found, notes = _from_transport(ctx, source, transport, request.scope, progress)
    except Transient as error:
        return _cached(ctx, source, request.scope, error)
    return write_down(ctx, source, request.scope, found, is_full=True, notes=notes)


def write_down(
    ctx: Needs,
    source: Source,
    scope: str,
    found: Found,
    *,
    is_full: bool,
    is_listed: bool = True,
    cursor_at: datetime | None = None,
    all_records: frozenset[str] | None = None,
    notes: tuple[str, ...] = (),
) -> Fetched:
    """Write a document down, so that it can be replayed without the network."""
    with ctx.db.transaction() as conn:
        key = store.add_document(
            conn,
            source=source.name,
            scope=scope,
            name=found.name,
            origin=found.origin,
            kind=found.address.kind.value,
            path=str(found.address.path),
            size=found.size,
            etag=found.validators.etag,
            last_modified=found.validators.last_modified,
            is_full=is_full,
            now=ctx.clock(),
        )
    return Fetched(key, found.name, scope, found.address, is_full, is_listed, cursor_at, all_records, notes)


def replayed(ctx: Needs, source: Source, scope: str, name: str) -> Fetched:
    """A stored document, by the beginning of its name or the newest. Raises NotFound when it is not kept."""
    with ctx.db.transaction() as conn:
        row = store.find_document(conn, source.name, scope, name=name or None)
    if row is None or not _path(ctx, row).exists():
        wanted = f"document {name!r}" if name else "document"
        raise NotFound(
            f"no {wanted} of {source.name} is kept; `assay sources --documents` lists what there is"
        )
    address = _address(ctx, source, row)
    if address.kind is Kind.DIRECTORY and _listing_name(address) != row.name:
        raise NotFound(
            f"{address.path} holds something else than when it was read; sync --from {address.path} again"
        )
    is_listed = row.is_full or address.kind is not Kind.FILE
    return Fetched(
        row.id, row.name, scope, address, row.is_full, is_listed, notes=(f"replayed {row.name[:12]}",)
    )


def _path(ctx: Needs, row: DocumentRow) -> Path:
    """Where a document's bytes are now: Assay's own folders move with the home folder, a person's do not."""
    match Kind(row.kind):
        case Kind.DIRECTORY:
            return Path(row.path)
        case Kind.GIT:
            return ctx.mirrors / Path(row.path).name
        case _:
            return ctx.files.path(row.name)


def _address(ctx: Needs, source: Source, row: DocumentRow) -> Address:
    kind = Kind(row.kind)
    if kind is Kind.GIT:
        folder = source.transport.folder if isinstance(source.transport, Repository) else ""
        return Address(kind, _path(ctx, row), row.name, folder)
    return _kept_as(Address(kind, _path(ctx, row)), row.origin)


def _kept_as(address: Address, origin: str) -> Address:
    """A document in the store, where a single file keeps the name that it has at its origin: it tells the record."""
    path = urlsplit(origin).path if "://" in origin else origin
    return replace(address, name=PurePosixPath(path).name) if address.kind is Kind.FILE else address


def _cached(ctx: Needs, source: Source, scope: str, error: Transient) -> Fetched:
    """The newest kept document in the place of one that cannot be fetched, and that is said."""
    try:
        kept = replayed(ctx, source, scope, "")
    except NotFound:
        raise error from None
    _log.warning("advisories.cached_copy_used", source=source.name, document=kept.name, reason=str(error))
    note = f"the network failed ({error}); the copy fetched before was used"
    return Fetched(kept.id, kept.name, scope, kept.address, kept.is_full, notes=(note,))


def _from_transport(
    ctx: Needs, source: Source, transport: Download | Bucket | Repository, scope: str, progress: Progress
) -> tuple[Found, tuple[str, ...]]:
    match transport:
        case Download(url):
            return _downloaded(ctx, source, url, scope, progress), ()
        case Repository(url, branch, folder):
            return _mirrored(ctx, source, url, branch, folder, progress), ()
        case Bucket():
            return _from_bucket(ctx, source, transport, scope, progress)


def _from_bucket(
    ctx: Needs, source: Source, bucket: Bucket, scope: str, progress: Progress
) -> tuple[Found, tuple[str, ...]]:
    """The archive from the bucket, else from the address under which the same object is served."""
    name = object_name(scope, bucket.archive)
    origin = f"{bucket.url}/{name}"

    def fetch_it(validators: Validators | None) -> Downloaded | NotModified:
        return ctx.open_bucket(bucket.url).download(
            name, ctx.files, validators=validators, progress=_step(progress, "fetch")
        )

    try:
        return _kept_or(ctx, source, scope, origin, fetch_it), ()
    except Transient as error:
        _log.warning("advisories.bucket_unreachable", source=source.name, reason=str(error))
        url = f"{bucket.fallback_url}/{name}"
        note = f"the bucket could not be reached; {url} was used"
        return _downloaded(ctx, source, url, scope, progress), (note,)


def object_name(scope: str, name: str) -> str:
    """An object's name in a bucket: below the scope's folder, or at the top for everything."""
    return name if scope == EVERYTHING else f"{scope}/{name}"


def _downloaded(ctx: Needs, source: Source, url: str, scope: str, progress: Progress) -> Found:
    def fetch_it(validators: Validators | None) -> Downloaded | NotModified:
        return ctx.http.download(url, ctx.files, validators=validators, progress=_step(progress, "fetch"))

    return _kept_or(ctx, source, scope, url, fetch_it)


def _kept_or(
    ctx: Needs,
    source: Source,
    scope: str,
    origin: str,
    fetch_it: Callable[[Validators | None], Downloaded | NotModified],
) -> Found:
    """The document from an origin; the kept one where the origin says that it has no newer."""
    with ctx.db.transaction() as conn:
        row = store.find_document(conn, source.name, scope, origin=origin)
    is_kept = row is not None and _path(ctx, row).exists()
    validators = Validators(row.etag, row.last_modified) if row is not None and is_kept else None
    result = fetch_it(validators)
    if isinstance(result, NotModified):
        assert row is not None
        return Found(row.name, _address(ctx, source, row), origin, row.bytes, validators or Validators())
    path = ctx.files.path(result.stored.sha256)
    address = _kept_as(address_of(path), origin)
    return Found(result.stored.sha256, address, origin, result.stored.bytes, result.validators)


def _mirrored(ctx: Needs, source: Source, url: str, branch: str, folder: str, progress: Progress) -> Found:
    """The newest commit of a repository; its files are listed and read by git, nothing is checked out."""
    directory = ctx.mirrors / f"{source.name}-{sha256(url.encode()).hexdigest()[:8]}.git"
    commit = git.mirror(url, directory, branch, _step(progress, "fetch"))
    return Found(commit, Address(Kind.GIT, directory, commit, folder), url)


def _from_origin(ctx: Needs, source: Source, origin: str, scope: str, progress: Progress) -> Found:
    """What a person named: an address, a repository, a folder, an archive or a file."""
    transport = source.transport
    if isinstance(transport, Repository) and _is_repository(origin):
        return _mirrored(ctx, source, _repository_url(origin), transport.branch, transport.folder, progress)
    scheme = urlsplit(origin).scheme
    if scheme in ("http", "https"):
        return _downloaded(ctx, source, origin, scope, progress)
    if scheme == "gs":
        url, _, name = origin.rpartition("/")
        return _kept_or(
            ctx,
            source,
            scope,
            origin,
            lambda validators: ctx.open_bucket(url).download(
                name, ctx.files, validators=validators, progress=_step(progress, "fetch")
            ),
        )
    path = Path(origin).expanduser().resolve()
    if not path.exists():
        raise Permanent(f"{origin} does not exist; --from takes a file, a folder, an archive or an address")
    address = address_of(path)
    if address.kind is Kind.DIRECTORY:
        return Found(_listing_name(address), address, origin)
    stored = ctx.files.add_file(path)
    kept = Address(address.kind, ctx.files.path(stored.sha256), name=path.name)
    return Found(stored.sha256, kept, origin, stored.bytes)


def _listing_name(address: Address) -> str:
    """A folder's name as a document: the fingerprint of everything it lists. The folder itself stays where it is."""
    total = sha256()
    with open_archive(address) as archive:
        for member in archive.members():
            total.update(member.name.encode("utf-8", "surrogateescape") + b"\0" + member.fingerprint + b"\n")
    return total.hexdigest()


def _is_repository(origin: str) -> bool:
    path = Path(origin)
    return origin.endswith(".git") or (path / ".git").exists() or (path / "objects").is_dir()


def _repository_url(origin: str) -> str:
    path = Path(origin)
    return path.resolve().as_uri() if path.exists() else origin


def _step(progress: Progress, step: str) -> Callable[[int, int | None], None]:
    return lambda done, total: progress(step, done, total)
