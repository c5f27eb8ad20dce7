"""A provider of identities that speaks OpenID Connect: the authorization code flow with PKCE, state and nonce.

OpenID Connect Core 1.0, sections 3.1 and 5.3; Discovery 1.0, section 4; RFC 7636; RFC 9700.
"""

import hashlib
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from assay.auth.commands import Admitting, Journey, admit
from assay.auth.model import Admission, Role
from assay.errors import Forbidden, Permanent, Transient
from assay.kit.clock import Clock
from assay.kit.http import Http
from assay.settings import OidcSettings

# Signatures that only the provider can make: a shared secret would let us make them too.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LEEWAY_SECONDS = 60
_KEPT_SECONDS = 3600.0
# Keys are fetched again for one that is not known, but not for everybody who makes one up.
_PAUSE_SECONDS = 30.0
_ON_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class _Described(msgspec.Struct, frozen=True):
    """What is read of a provider's description of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Given(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str


class Provider:
    """One provider; its description and its keys are kept for an hour."""

    def __init__(self, settings: OidcSettings, http: Http, clock: Clock) -> None:
        _check_address(settings.issuer, "the issuer")
        self._settings = settings
        self._http = http
        self._clock = clock
        self._mutex = Lock()
        self._described: tuple[float, _Described] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._admitting = Admitting(
            name_claims=settings.name_claims,
            domains=settings.allowed_domains,
            role_claim=settings.role_claim,
            roles={value: Role(role) for value, role in settings.roles.items()},
            usual_role=None if settings.usual_role is None else Role(settings.usual_role),
        )

    def asks_at(self, journey: Journey, returns_to: str) -> str:
        """Where a browser goes to be recognised. Raises Transient, Permanent when the provider cannot be asked."""
        challenge = urlsafe_b64encode(hashlib.sha256(journey.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": returns_to,
            "scope": " ".join(self._settings.scopes),
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        endpoint = self._description().authorization_endpoint
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    def vouched(self, code: str, journey: Journey, returns_to: str) -> Admission:
        """Whom the provider vouches for.

        Raises Forbidden where its word cannot be trusted or the settings do not let them in, and Transient or Permanent
        when it cannot be asked.
        """
        given = self._redeemed(code, journey, returns_to)
        claims = self._checked(given.id_token, journey.nonce)
        return admit(self._settings.issuer, self._completed(claims, given), self._admitting)

    def _redeemed(self, code: str, journey: Journey, returns_to: str) -> _Given:
        described, settings = self._description(), self._settings
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": returns_to,
            "code_verifier": journey.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if settings.client_secret is None:
            fields["client_id"] = settings.client_id
        elif "client_secret_basic" in described.token_endpoint_auth_methods_supported:
            headers["Authorization"] = _basic(settings.client_id, settings.client_secret.get_secret_value())
        else:
            fields |= {
                "client_id": settings.client_id,
                "client_secret": settings.client_secret.get_secret_value(),
            }
        try:
            answer = self._http.exchange(described.token_endpoint, urlencode(fields).encode(), headers)
            return msgspec.json.decode(answer, type=_Given)
        except Permanent as error:
            raise Forbidden(f"the provider did not take its own code back: {error}") from error
        except msgspec.DecodeError as error:
            raise Forbidden(f"the provider gave no tokens: {error}") from error

    def _checked(self, id_token: str, nonce: str) -> Mapping[str, Any]:
        settings = self._settings
        try:
            claims = self._decoded(id_token)
            registry = jwt.JWTClaimsRegistry(
                now=int(self._clock().timestamp()),
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": settings.issuer},
                aud={"essential": True, "value": settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Forbidden(f"the provider's word cannot be trusted: {error}") from error
        # For several audiences at once it must be said who asked (section 3.1.3.7).
        if (
            isinstance(claims["aud"], list)
            and len(claims["aud"]) > 1
            and claims.get("azp") != settings.client_id
        ):
            raise Forbidden("the provider's word is meant for somebody else")
        return claims

    def _decoded(self, id_token: str) -> dict[str, Any]:
        try:
            return jwt.decode(id_token, self._key_set(_KEPT_SECONDS), algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):
            # It may have changed its keys since they were fetched.
            return jwt.decode(id_token, self._key_set(_PAUSE_SECONDS), algorithms=_ALGORITHMS).claims

    def _completed(self, claims: Mapping[str, Any], given: _Given) -> Mapping[str, Any]:
        """The claims, with those that the provider tells only when it is asked for them (section 5.3)."""
        endpoint = self._description().userinfo_endpoint
        wanted = {"email"} if self._admitting.domains else set()
        if self._admitting.role_claim is not None:
            wanted.add(self._admitting.role_claim.partition(".")[0])
        wanted.update(self._admitting.name_claims[:1])
        if endpoint is None or wanted <= claims.keys():
            return claims
        told = self._json(endpoint, {"Authorization": f"Bearer {given.access_token}"})
        if told.get("sub") != claims["sub"]:
            raise Forbidden("the provider speaks of two people at once")
        return {**told, **claims}

    def _description(self) -> _Described:
        with self._mutex:
            if self._described is None or time.monotonic() - self._described[0] > _KEPT_SECONDS:
                address = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
                try:
                    described = msgspec.convert(self._json(address), _Described)
                except msgspec.ValidationError as error:
                    raise Permanent(f"{address} describes no provider: {error}") from error
                self._described = (time.monotonic(), self._trusted(described))
            return self._described[1]

    def _trusted(self, described: _Described) -> _Described:
        if described.issuer != self._settings.issuer:
            raise Permanent(
                f"the provider calls itself {described.issuer}: set ASSAY_OIDC__ISSUER to exactly that"
            )
        for endpoint in (described.authorization_endpoint, described.token_endpoint, described.jwks_uri):
            _check_address(endpoint, "an address of the provider")
        return described

    def _key_set(self, oldest: float) -> KeySet:
        described = self._description()
        with self._mutex:
            if self._keys is None or time.monotonic() - self._keys[0] > oldest:
                keys = KeySet.import_key_set(self._json(described.jwks_uri))  # type: ignore[arg-type] # it checks them
                self._keys = (time.monotonic(), keys)
            return self._keys[1]

    def _json(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            return msgspec.json.decode(
                self._http.get(url, headers=headers, is_patient=False), type=dict[str, Any]
            )
        except msgspec.DecodeError as error:
            raise Transient(f"{urlsplit(url).netloc} answered with no JSON: {error}") from error


def _check_address(address: str, what: str) -> None:
    found = urlsplit(address)
    if found.scheme != "https" and not (found.scheme == "http" and found.hostname in _ON_THIS_MACHINE):
        raise Permanent(f"{what} must be an https address, and {address!r} is none")


def _basic(name: str, secret: str) -> str:
    """The header of a client that proves itself (RFC 6749, section 2.3.1)."""
    return f"Basic {b64encode(f'{quote(name)}:{quote(secret)}'.encode()).decode()}"
