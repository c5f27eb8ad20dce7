"""Sources of entries as people manage them: add, change, remove, fetch now, try."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from assay.auth.commands import Act
from assay.errors import AssayError, Conflict, NotFound, Permanent
from assay.jobs.deferring import defer
from assay.jobs.ledger import Outcome, add_run
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.model.documents import Bad
from assay.pipelines.feeds.model.entries import Received
from assay.pipelines.feeds.model.sources import LONGEST, NAME, SHORTEST, USUAL_INTERVAL, Fetched, Kind, Source
from assay.pipelines.feeds.queries import sources as queries
from assay.pipelines.feeds.sources import discover
from assay.pipelines.feeds.store import sources as store
from assay.pipelines.feeds.store.sources import Setup
from assay.pipelines.feeds.tasks.fetching import STEP, fetch, fetch_source
from assay.pipelines.feeds.tasks.gathering import Asked, Gathered, Gathering, allowed_path, is_same_origin
from assay.pipelines.feeds.tasks.needs import Needs
from assay.pipelines.feeds.tasks.reading import asked_of, read_options

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_PARAMETER = re.compile(r"\?[A-Za-z0-9._~-]{1,100}")
# What the client itself says, and what would change what the request is.
_OURS = frozenset(
    (
        *("host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"),
        *(
            "accept-encoding",
            "if-none-match",
            "if-modified-since",
            "if-range",
            "range",
            "proxy-authorization",
        ),
    )
)
_MOST_SECRETS = 20
_LONGEST_SECRET = 8_000
_LONGEST_ADDRESS = 2_000
_TRIAL_SECONDS = 30.0
_TRIAL_DOCUMENTS = 4

Secrets = Mapping[str, str | None]
"""Header fields, or `?parameters` of the query, and their values; None takes one away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A source as somebody wants it. `secrets` are header fields and `?parameters` that are sealed and never shown."""

    name: str
    kind: Kind
    address: str
    options: Mapping[str, Any] = field(default_factory=dict)
    interval: timedelta = USUAL_INTERVAL
    is_enabled: bool = True
    secrets: Secrets = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be otherwise; None stays as it is. `secrets` are merged into those that are there."""

    address: str | None = None
    options: Mapping[str, Any] | None = None
    interval: timedelta | None = None
    is_enabled: bool | None = None
    secrets: Secrets | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a source gave when it was tried: the first entries, those that cannot be used, and why it failed."""

    entries: tuple[Received, ...]
    found: int
    bad: tuple[Bad, ...]
    error: str | None


def add_source(ctx: Needs, act: Act, draft: Draft) -> Source:
    """Set a source up; it is fetched within a minute. Raises Permanent for what cannot be, Conflict for a taken name.

    A source of the name that was removed is set up anew and has its entries again.
    """
    _check(ctx, draft)
    secrets = _checked_secrets(draft.secrets)
    setup = _setup(ctx, draft, secrets)
    if store.add_source(act.conn, draft.name, draft.kind.value, setup, act.who.name, act.now) is None:
        raise Conflict(f"there is a source called {draft.name}: change it, or take another name")
    act.note("feeds.source.add", draft.name, **_told(draft, secrets))
    return queries.get_source(act.conn, draft.name)


def change_source(ctx: Needs, act: Act, name: str, changes: Changes) -> Source:
    """Set a source up otherwise. Raises NotFound, and Permanent for what cannot be.

    Secrets stay with the server that they were given for: whoever names another one gives them again.
    """
    source = queries.get_source(act.conn, name)
    held = store.hold_source(act.conn, source.id)
    if held is None or held.is_removed:
        raise NotFound(f"the source {name} was removed this very moment")
    draft = Draft(
        name=name,
        kind=source.kind,
        address=source.address if changes.address is None else changes.address.strip(),
        options=source.options if changes.options is None else changes.options,
        interval=source.interval if changes.interval is None else changes.interval,
        is_enabled=source.is_enabled if changes.is_enabled is None else changes.is_enabled,
    )
    _check(ctx, draft)
    secrets, were_changed = _merged_secrets(ctx, act, source, draft.address, changes.secrets)
    is_anew = (draft.address, dict(draft.options)) != (source.address, dict(source.options)) or were_changed
    setup = _setup(ctx, draft, secrets)
    store.change_source(act.conn, source.id, setup, act.now, is_anew=is_anew)
    if source.is_enabled and not draft.is_enabled:
        _note_end(act, source, "disabled")
    act.note("feeds.source.change", name, **_told(draft, secrets))
    return queries.get_source(act.conn, name)


def remove_source(act: Act, name: str) -> Source:
    """Remove a source. Its entries stay, and what was read out of them; its secrets do not. Raises NotFound."""
    source = queries.get_source(act.conn, name)
    store.remove_source(act.conn, source.id, act.now)
    _note_end(act, source, "removed")
    act.note("feeds.source.remove", name, kind=source.kind.value, address=source.address)
    return source


def run_source(act: Act, name: str) -> int:
    """The job that fetches a source now, which may be one that waits already. Raises NotFound, Conflict."""
    source = queries.get_source(act.conn, name)
    if not source.is_enabled:
        raise Conflict(f"the source {name} is disabled: enable it first, or test it")
    job = defer(act.conn, fetch, source=name)
    act.note("feeds.source.run", name, job=job)
    return job


def fetch_now(ctx: Needs, name: str) -> Fetched:
    """Fetch a source in this very process, disabled or not. Raises NotFound."""
    return fetch_source(ctx, name, is_forced=True)


def try_source(ctx: Needs, name: str, most: int = 5) -> Trial:
    """What a source gives at this moment; nothing is kept. Raises NotFound."""
    with ctx.db.transaction() as conn:
        source = queries.get_source(conn, name)
        sealed = store.find_secrets(conn, source.id)
    try:
        asked = replace(asked_of(ctx, source, sealed), cursor={})
    except Permanent as error:
        return Trial((), 0, (), str(error))
    return _tried(ctx, asked, most)


def try_draft(ctx: Needs, draft: Draft, most: int = 5) -> Trial:
    """What a source would give that is not there yet. Raises Permanent for what cannot be."""
    _check(ctx, draft)
    options = read_options(draft.kind, draft.options)
    secrets = _checked_secrets(draft.secrets)
    return _tried(ctx, Asked(draft.kind, draft.address, options, secrets=secrets), most)


def _tried(ctx: Needs, asked: Asked, most: int) -> Trial:
    limits = replace(ctx.feeds, seconds=min(_TRIAL_SECONDS, ctx.feeds.seconds))
    # Of files more are needed, for a directory gives them one by one.
    documents = max(_TRIAL_DOCUMENTS, most) if asked.kind is Kind.FILES else _TRIAL_DOCUMENTS
    gathering = Gathering(
        ctx, discover()[asked.kind], asked, limits=limits, most_documents=documents, is_trial=True
    )
    gathered, error = Gathered(), None
    try:
        gathered = gathering.run()
        error = None if gathered.error is None else str(gathered.error)
    except AssayError as failed:
        error = str(failed)
    entries = tuple(gathered.entries)
    return Trial(
        entries[:most], len(entries), tuple(gathered.bad[:most]), error and gathering.redacted(error)
    )


def _check(ctx: Needs, draft: Draft) -> None:
    """Raise Permanent that says what is wrong with a source as somebody wants it."""
    if not NAME.fullmatch(draft.name):
        raise Permanent("a source's name has up to 100 small letters, digits, dots, dashes and underscores")
    if not SHORTEST <= draft.interval <= LONGEST:
        raise Permanent(
            f"a source is fetched every {SHORTEST.seconds} seconds to {LONGEST.total_seconds() / 3600:.0f} hours, "
            f"not every {draft.interval.total_seconds():g} seconds"
        )
    read_options(draft.kind, draft.options)
    if "\\u0000" in json.dumps(draft.options):
        raise Permanent("the options hold a NUL, which is no letter")
    _check_address(ctx, draft)


def _check_address(ctx: Needs, draft: Draft) -> None:
    address = draft.address
    if not address.isprintable() or len(address) > _LONGEST_ADDRESS or address != address.strip():
        raise Permanent(f"an address is one line of up to {_LONGEST_ADDRESS:,} letters")
    if draft.kind is Kind.FILES and not address.startswith(("http://", "https://")):
        if not address.startswith("/"):
            raise Permanent(
                "files are named by a path from the root (`/srv/...`), or by an address of an archive"
            )
        allowed_path(address, ctx.feeds.roots)
        return
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise Permanent(
            f"{address[:200]!r} is no address of the web: it begins with https:// and names a host"
        )
    if "@" in parts.netloc:
        raise Permanent(
            "an address holds no user and no password: give them as a header field, such as `Authorization`"
        )


def _checked_secrets(secrets: Secrets) -> dict[str, str]:
    """The secrets that are to be sealed. Raises Permanent for what no request can carry."""
    kept = {name.strip(): value for name, value in secrets.items() if value is not None}
    if len(kept) > _MOST_SECRETS:
        raise Permanent(f"a request carries up to {_MOST_SECRETS} fields")
    for name, value in kept.items():
        if not (_HEADER.fullmatch(name) or _PARAMETER.fullmatch(name)):
            raise Permanent(f"{name[:100]!r} is no name of a header field, nor a `?parameter`")
        if name.lower() in _OURS:
            raise Permanent(f"the header field {name} is Assay's own business")
        if not value or len(value) > _LONGEST_SECRET or not value.isprintable() or value != value.strip():
            raise Permanent(f"the value of {name} is one line of up to {_LONGEST_SECRET:,} letters")
        if not name.startswith("?") and not value.isascii():
            raise Permanent(f"the value of {name} has letters that no header field carries: encode them")
    return kept


def _merged_secrets(
    ctx: Needs, act: Act, source: Source, address: str, wanted: Secrets | None
) -> tuple[dict[str, str], bool]:
    """The secrets that a source has from now on, and whether these are others than before."""
    kept = set(source.secret_names) - (wanted or {}).keys()
    if kept and not is_same_origin(address, source.address):
        raise Permanent(
            f"{', '.join(sorted(kept))} was given for another server: give it again with the address, or take it away"
        )
    if not wanted and not kept:
        return {}, bool(source.secret_names)
    sealed = store.find_secrets(act.conn, source.id) if kept else None
    before = {} if sealed is None else ctx.seals.open(source.name, sealed)
    after = {name: value for name, value in before.items() if name in kept}
    return after | _checked_secrets(wanted or {}), bool(wanted)


def _setup(ctx: Needs, draft: Draft, secrets: Mapping[str, str]) -> Setup:
    return Setup(
        address=draft.address,
        options=draft.options,
        secrets=ctx.seals.seal(draft.name, dict(secrets)) if secrets else None,
        secret_names=tuple(sorted(secrets)),
        interval_seconds=int(draft.interval.total_seconds()),
        is_enabled=draft.is_enabled,
    )


def _told(draft: Draft, secrets: Mapping[str, str]) -> dict[str, Any]:
    """What the audit log says of a source: everything but the values of its secrets."""
    return {
        "kind": draft.kind.value,
        "address": draft.address,
        "options": dict(draft.options),
        "interval_seconds": int(draft.interval.total_seconds()),
        "enabled": draft.is_enabled,
        "secrets": sorted(secrets),
    }


def _note_end(act: Act, source: Source, what: str) -> None:
    """End the alerts about a source that nobody fetches any more: they are about its failures in a row."""
    if source.failures:
        add_run(
            act.conn,
            room=ROOM,
            step=STEP,
            source=source.name,
            started_at=act.now,
            ended_at=act.now,
            outcome=Outcome.UNCHANGED,
            counts={},
            detail=f"{what} by {act.who.name}",
        )
