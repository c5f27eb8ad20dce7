"""Inventories that are kept under a name, and which of their packages new advisories hit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import msgspec

from assay.catalog.queries import last_change
from assay.domain.packages import normalise_name
from assay.domain.versions import ENCODER_VERSION, key
from assay.errors import NotFound, Permanent
from assay.kit.db import Connection, writable
from assay.pipelines.packages import queries, store
from assay.pipelines.packages.commands.scanning import require_data, vulnerabilities
from assay.pipelines.packages.model import Inventory, Subject, Vulnerability
from assay.pipelines.packages.rules.assembling import questions

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of keeping packages."""

    name: str
    packages: int
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A kept package that a vulnerability affects, `is_unknown` where that is not sure. `files` are paths."""

    inventory: str
    ecosystem: str
    name: str
    version: str
    purl: str
    files: tuple[str, ...]
    vulnerability: Vulnerability
    is_unknown: bool
    fixed: str | None
    seq: int


def save(conn: Connection, name: str, inventories: Sequence[tuple[str, Inventory]], now: datetime) -> Saved:
    """Keep the packages of some files under a name, in the place of what it held; the same ones change nothing.

    Packages that cannot be looked up are not kept. Raises Permanent for a name that is none.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Permanent(f"{name!r} is no name for an inventory: up to {_LONGEST_NAME} letters, in one line")
    subjects = sorted(questions(inventories).subjects, key=_identity)
    files = [writable(path) for path, _ in inventories]
    places = {path: place for place, (path, _) in enumerate(inventories)}
    rows = [_row(0, subject, places) for subject in subjects]
    # The keys depend on the program and not on the files, so they are left out.
    said = [files, [(row.ecosystem, row.release, row.name, row.version, row.purl, row.files) for row in rows]]
    digest = blake2b(msgspec.json.encode(said), digest_size=16).digest()
    inventory_id, held = store.lock_inventory(conn, writable(name), now)
    if held == digest:
        return Saved(name, len(rows), is_changed=False)
    store.replace_inventory(
        conn,
        inventory_id,
        digest=digest,
        files=files,
        now=now,
        change_seq=last_change(conn),
        pins=[row._replace(inventory_id=inventory_id) for row in rows],
    )
    return Saved(name, len(rows), is_changed=True)


def _identity(subject: Subject) -> tuple[str, str, str]:
    return subject.ecosystem, normalise_name(subject.ecosystem, subject.name), subject.version


def _row(inventory_id: int, subject: Subject, places: dict[str, int]) -> store.PinRow:
    ecosystem, _, release = subject.ecosystem.partition(":")
    return store.PinRow(
        inventory_id=inventory_id,
        ecosystem=writable(ecosystem),
        release=writable(release),
        name=writable(normalise_name(ecosystem, subject.name)),
        key=key(subject.ecosystem, subject.version),
        version=writable(subject.version),
        purl=writable(subject.purl),
        encoder_version=ENCODER_VERSION,
        files=sorted({places[entry.file] for entry in subject.occurrences}),
    )


def delete(conn: Connection, name: str) -> int:
    """Forget an inventory; returns how many packages it held. Raises NotFound."""
    gone = store.delete_inventory(conn, writable(name))
    if gone is None:
        queries.get_inventory(conn, name)
        raise NotFound(f"no inventory is called {name!r}")
    return gone


def hits(conn: Connection, *, since: int | datetime | None = None, inventory: str | None = None) -> list[Hit]:
    """Kept packages that vulnerabilities affect which the catalog changed since a line of its log, or a moment.

    Without one: since each inventory was saved. Keys that an older encoder made are made again first. Raises
    NotFound for an inventory that is not there, Permanent for an empty catalog.
    """
    require_data(conn)
    if inventory is not None:
        queries.get_inventory(conn, inventory)
    encode_again(conn)
    line = queries.change_before(conn, since) if isinstance(since, datetime) else since
    rows = queries.find_hits(conn, line, inventory)
    known = vulnerabilities(conn, {row.vulnerability_id for row in rows}) if rows else {}
    files = {entry.name: entry.files for entry in queries.list_inventories(conn)}
    return [
        Hit(
            inventory=row.inventory,
            ecosystem=row.ecosystem,
            name=row.name,
            version=row.version,
            purl=row.purl,
            files=tuple(files[row.inventory][place] for place in row.files),
            vulnerability=known[row.vulnerability_id],
            is_unknown=row.is_unknown,
            fixed=row.fixed,
            seq=row.seq,
        )
        for row in rows
        if row.vulnerability_id in known
    ]


def encode_again(conn: Connection) -> int:
    """Give packages that an older encoder's keys stand beside the present one's; returns how many that were."""
    outdated = store.list_outdated(conn, ENCODER_VERSION)
    if not outdated:
        return 0
    made = ((entry, key(":".join(filter(None, entry[:2])), entry.version)) for entry in outdated)
    return store.encode_pins(conn, ENCODER_VERSION, made)
