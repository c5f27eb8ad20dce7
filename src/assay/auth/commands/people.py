"""People: who may sign in, and as what."""

import secrets

from assay.auth import queries, store
from assay.auth.commands.acting import Act
from assay.auth.commands.passwords import hashed
from assay.auth.model import Person, Purpose, Role, digest_of
from assay.auth.rules import check_password, checked_name
from assay.errors import Conflict, NotFound


def add_person(act: Act, name: str, role: Role, password: str | None = None) -> Person:
    """A new person. Without a password a link lets them choose one.

    Raises Permanent for a name or a password that will not do, Conflict where somebody has the name.
    """
    name = checked_name(name)
    if password is not None:
        check_password(password, name, act.policy)
    kept = None if password is None else hashed(password)
    key = store.add_person(act.conn, name, role.value, kept, act.now)
    if key is None:
        raise Conflict(f"somebody is called {name} already")
    act.note("people.add", name, role=role.value, has_password=password is not None)
    return queries.get_person(act.conn, key, act.now)


def change_role(act: Act, person: int | str, role: Role) -> Person:
    """The person with another role, which counts from the next request on. Raises NotFound, Conflict."""
    admins = store.lock_admins(act.conn)
    found = queries.get_person(act.conn, person, act.now)
    if found.role is role:
        return found
    if role is not Role.ADMIN:
        _check_last(found, admins)
    store.set_role(act.conn, found.id, role.value)
    act.note("people.role", found.name, before=found.role.value, after=role.value)
    return queries.get_person(act.conn, found.id, act.now)


def disable(act: Act, person: int | str) -> Person:
    """The person, who can sign in no more; sessions and links end, tokens are refused. Raises NotFound, Conflict."""
    admins = store.lock_admins(act.conn)
    found = queries.get_person(act.conn, person, act.now)
    if found.is_disabled:
        return found
    _check_last(found, admins)
    store.set_disabled(act.conn, found.id, is_disabled=True)
    ended = store.end_sessions(act.conn, found.id)
    store.end_links(act.conn, found.id, act.now)
    act.note("people.disable", found.name, sessions=ended)
    return queries.get_person(act.conn, found.id, act.now)


def enable(act: Act, person: int | str) -> Person:
    """The person, who can sign in again. Raises NotFound."""
    found = queries.get_person(act.conn, person, act.now)
    if not found.is_disabled:
        return found
    store.set_disabled(act.conn, found.id, is_disabled=False)
    act.note("people.enable", found.name)
    return queries.get_person(act.conn, found.id, act.now)


def set_password(act: Act, person: int | str, password: str) -> Person:
    """The person with another password; sessions and links of before end. Raises NotFound, Permanent."""
    found = queries.get_person(act.conn, person, act.now)
    check_password(password, found.name, act.policy)
    store.set_password(act.conn, found.id, hashed(password), act.now)
    ended = store.end_sessions(act.conn, found.id)
    store.end_links(act.conn, found.id, act.now)
    act.note("people.password", found.name, sessions=ended)
    return queries.get_person(act.conn, found.id, act.now)


def make_link(act: Act, person: int | str, purpose: Purpose) -> str:
    """The secret of a link that works once and not for long. Raises NotFound, Conflict for somebody who is disabled."""
    found = queries.get_person(act.conn, person, act.now)
    if found.is_disabled:
        raise Conflict(f"{found.name} is disabled, and no link would let them in")
    secret = secrets.token_urlsafe(32)
    length = act.policy.link if purpose is Purpose.SIGN_IN else act.policy.invitation
    store.add_link(
        act.conn,
        {
            "hash": digest_of(secret),
            "person_id": found.id,
            "purpose": purpose.value,
            "now": act.now,
            "created_by": act.who.name,
            "expires_at": act.now + length,
        },
    )
    act.note("people.link", found.name, purpose=purpose.value)
    return secret


def local_admin(act: Act) -> Person:
    """The admin named like whoever uses this machine, made where nobody has the name.

    Raises Conflict where somebody has it who is no admin, or is disabled: the machine's user decides, not this program.
    """
    name = checked_name(act.who.name)
    try:
        found = queries.get_person(act.conn, name, act.now)
    except NotFound:
        return add_person(act, name, Role.ADMIN)
    if found.is_disabled:
        raise Conflict(f"{found.name} is disabled: `assay users enable {found.name}` changes that")
    if found.role is not Role.ADMIN:
        raise Conflict(f"{found.name} is no admin: `assay users role {found.name} admin` changes that")
    return found


def _check_last(person: Person, admins: list[int]) -> None:
    if admins == [person.id]:
        raise Conflict(f"{person.name} is the only admin: make somebody else one first")
