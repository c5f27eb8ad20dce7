"""Decisions about signing in: names, passwords, waiting, parts of the service. Values in, values out."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from assay.auth.model import Admission, Policy, Principal, Role, Scope
from assay.errors import Forbidden, Permanent

# Names and addresses of mail, in any script; nothing that a terminal, a log or a page would have to escape.
_NAME = re.compile(r"[\w.@+-]{1,100}")
_TOKEN_NAME = re.compile(r"[\w.@+-][\w.@+ -]{0,99}")
_LONGEST_PASSWORD = 1024
# Fewer different characters than this are a pattern, whatever their number.
_FEWEST_DIFFERENT = 5
_LONGEST_WAIT = timedelta(minutes=5)


def checked_name(name: str) -> str:
    """A person's name as it is kept. Raises Permanent for what is none."""
    name = unicodedata.normalize("NFKC", name).strip()
    if not _NAME.fullmatch(name):
        raise Permanent("a name has 1 to 100 letters, digits and . _ @ + -, and no blanks")
    return name


def checked_token_name(name: str) -> str:
    """A token's name as it is kept. Raises Permanent for what is none."""
    name = unicodedata.normalize("NFKC", name).strip()
    if not _TOKEN_NAME.fullmatch(name):
        raise Permanent("a token's name has 1 to 100 letters, digits, blanks and . _ @ + -")
    return name


def check_password(password: str, name: str, policy: Policy) -> None:
    """Raise Permanent for a password that is too easy to guess.

    Length counts, kinds of characters do not (NIST SP 800-63B, section 5.1.1.2).
    """
    if len(password) < policy.shortest_password:
        raise Permanent(f"a password has at least {policy.shortest_password} characters")
    if len(password) > _LONGEST_PASSWORD:
        raise Permanent(f"a password has at most {_LONGEST_PASSWORD:,} characters")
    if len(set(password)) < _FEWEST_DIFFERENT:
        raise Permanent("this password is a pattern: use more different characters")
    if name.casefold() in password.casefold() and len(password) - len(name) < policy.shortest_password:
        raise Permanent("this password is hardly more than the name: choose another")


def wait_after(failures: int, free: int, last: datetime | None, now: datetime) -> timedelta:
    """How long the next try has to wait: nothing at first, then twice as long each time, five minutes at most."""
    if last is None or failures < free:
        return timedelta(0)
    pause = min(_LONGEST_WAIT, timedelta(seconds=2.0 ** min(failures - free, 20)))
    return max(timedelta(0), last + pause - now)


def network_of(address: str | None) -> str:
    """By what tries from an address are counted: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return str(found) if found.version == 4 else f"{ip_address(int(found) >> 64 << 64)}/64"


def lesser(one: Role, other: Role | None) -> Role:
    """The role that may less; None is no restriction."""
    return one if other is None or other.includes(one) else other


def check_grant(maker: Principal, role: Role, scopes: Iterable[Scope]) -> None:
    """Raise Forbidden where somebody would give away more than they have."""
    if not maker.may(role):
        raise Forbidden(f"{maker.name} has the role {maker.role}, and cannot give away {role}")
    if maker.scopes and (not set(scopes) or not set(scopes) <= maker.scopes):
        raise Forbidden(
            f"{maker.name} may enter {', '.join(sorted(maker.scopes))} only: name scopes among those"
        )


@dataclass(frozen=True, slots=True)
class Admitting:
    """Whom the settings let in, of those that a provider vouches for.

    `name_claims` are looked at in order. With `domains` the address of mail must be verified and of one of them.
    `role_claim` may be a path with dots; the highest role of its values counts, `usual_role` where none has one.
    """

    name_claims: tuple[str, ...] = ("preferred_username", "email", "sub")
    domains: tuple[str, ...] = ()
    role_claim: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    usual_role: Role | None = None


def admit(issuer: str, claims: Mapping[str, Any], admitting: Admitting) -> Admission:
    """Who it is and as what. Raises Forbidden for somebody whom the settings do not let in."""
    if admitting.domains:
        _check_domain(claims, admitting.domains)
    role = _role_of(claims, admitting)
    for claim in admitting.name_claims:
        value = claims.get(claim)
        if isinstance(value, str) and _NAME.fullmatch(unicodedata.normalize("NFKC", value).strip()):
            told = admitting.role_claim is not None
            return Admission(issuer, str(claims["sub"]), checked_name(value), role, is_role_told=told)
    raise Forbidden(f"the provider names you in none of: {', '.join(admitting.name_claims)}")


def _check_domain(claims: Mapping[str, Any], domains: Sequence[str]) -> None:
    mail = claims.get("email")
    if not isinstance(mail, str) or claims.get("email_verified") is not True:
        raise Forbidden("the provider does not vouch for your address of mail")
    if mail.rpartition("@")[2].casefold() not in {domain.casefold() for domain in domains}:
        raise Forbidden(f"only addresses of {', '.join(domains)} are let in")


def _role_of(claims: Mapping[str, Any], admitting: Admitting) -> Role | None:
    if admitting.role_claim is None:
        return admitting.usual_role
    value: Any = claims.get(admitting.role_claim)
    if value is None:
        value = claims
        for part in admitting.role_claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    found = [role for one in values if isinstance(one, str) and (role := admitting.roles.get(one))]
    best = max(found, key=list(Role).index, default=admitting.usual_role)
    if best is None:
        raise Forbidden("nothing that the provider says of you has a role here: ask an administrator")
    return best
