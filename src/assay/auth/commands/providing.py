"""Signing in by a provider of identities: the journey there and back, and who may come in."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.auth import queries, store
from assay.auth.commands.acting import record_change
from assay.auth.commands.signing_in import Needs, Opened, noted, open_session
from assay.auth.model import Admission, How, Kind, Principal, Role, digest_of
from assay.errors import Forbidden
from assay.kit.db import Connection

# Whoever needs longer at the provider begins again.
_LONGEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Journey:
    """What ties a provider's answer to the question: `state` travels, the rest stays here."""

    state: str
    nonce: str
    verifier: str
    goes_to: str


def begin_journey(ctx: Needs, goes_to: str) -> Journey:
    """A journey to the provider, after which the browser goes to a place of ours."""
    journey = Journey(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        goes_to=goes_to,
    )
    with ctx.db.transaction() as conn:
        store.add_journey(
            conn,
            {
                "hash": digest_of(journey.state),
                "nonce": journey.nonce,
                "verifier": journey.verifier,
                "goes_to": goes_to,
                "now": ctx.clock(),
            },
        )
    return journey


def end_journey(ctx: Needs, state: str) -> Journey:
    """The journey that this answer belongs to; it is over.

    Raises Forbidden for none, and for one that took too long.
    """
    with ctx.db.transaction() as conn:
        found = store.end_journey(conn, digest_of(state))
    if found is None or ctx.clock() - found[3] > _LONGEST:
        raise Forbidden("this sign-in has taken too long, or was answered already: begin again")
    nonce, verifier, goes_to, _ = found
    return Journey(state, nonce, verifier, goes_to)


def sign_in_by_provider(
    ctx: Needs, admission: Admission, address: str | None, agent: str | None = None
) -> Opened:
    """A session of whom the provider vouches for; somebody new becomes a person.

    Raises Forbidden for somebody who is disabled, for whom nobody has chosen a role, or whose name another has: names
    are no proof, and whoever is known by a password is not taken over by a provider's word.
    """
    with noted(ctx, How.PROVIDER, address), ctx.db.transaction() as conn:
        key = _person(conn, admission, ctx.clock(), address)
        return open_session(ctx, conn, key, How.PROVIDER, address, agent)


def _person(conn: Connection, admission: Admission, now: datetime, address: str | None) -> int:
    found = queries.find_subject(conn, admission.issuer, admission.subject)
    if found is None:
        return _newcomer(conn, admission, now, address)
    key, name, role, is_disabled = found
    if is_disabled:
        raise Forbidden(f"{name} is disabled here: ask an administrator")
    if admission.is_role_told and admission.role is not None and admission.role is not role:
        store.set_role(conn, key, admission.role.value)
        detail = {"before": role.value, "after": admission.role.value, "by": "provider"}
        record_change(conn, _known(key, name, admission.role), "people.role", name, detail, address)
    return key


def _newcomer(conn: Connection, admission: Admission, now: datetime, address: str | None) -> int:
    if admission.role is None:
        raise Forbidden("you are known to nobody here: ask an administrator for a role")
    provider = (admission.issuer, admission.subject)
    key = store.add_person(conn, admission.name, admission.role.value, None, now, provider=provider)
    if key is None:
        raise Forbidden(f"somebody else is called {admission.name} here: ask an administrator")
    detail = {"role": admission.role.value, "by": "provider", "issuer": admission.issuer}
    who = _known(key, admission.name, admission.role)
    record_change(conn, who, "people.add", admission.name, detail, address)
    return key


def _known(key: int, name: str, role: Role) -> Principal:
    return Principal(Kind.PERSON, name, role, key, person_id=key)
