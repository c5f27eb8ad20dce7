"""A provider of identities as a program of its own: authlib's authorization server on FastAPI.

It prints its address. Whoever asks for authorization is the person that `POST /person` named last, with those claims;
`lies` replace claims of the ID token, `signature` is `right`, `other` (a key it does not publish) or `none`.
"""

import json
import os
import secrets
import socket
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import uvicorn
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from fastapi import FastAPI, Request, Response
from joserfc.jwk import KeySet, RSAKey

CLIENT = "assay"
SECRET = "a secret of both/with:odd+characters"

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


class Client(ClientMixin):
    def __init__(self, callbacks: str) -> None:
        self.callbacks = callbacks

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self.callbacks

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.endswith("/sign-in/provider/callback")

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code:
    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    user: Any
    auth_time: int

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class World:
    """What the provider knows."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, Any] = {}
        self.person: dict[str, Any] = {}


class Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic"]
    world: World

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = request.payload.data
        self.world.codes[code] = Code(
            code,
            request.payload.redirect_uri,
            request.payload.scope,
            asked.get("nonce"),
            asked.get("code_challenge"),
            asked.get("code_challenge_method"),
            request.user,
            int(time.time()),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.world.codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del self.world.codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> Any:
        return authorization_code.user


class IdToken(OpenIDCode):
    def __init__(self, world: World) -> None:
        super().__init__(require_nonce=True)
        self.world = world

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return any(code.nonce == nonce for code in self.world.codes.values())

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        if self.world.person.get("signature") == "other":
            return RSAKey.generate_key(2048, {"kid": "first"})
        return self.world.key

    def get_client_algorithm(self, client: Client) -> str:
        return "none" if self.world.person.get("signature") == "none" else "RS256"

    def get_encode_header(self, client: Client) -> dict[str, str]:
        return {"alg": self.get_client_algorithm(client), "kid": str(self.world.key.kid)}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": self.world.issuer, "aud": [CLIENT]}

    def generate_user_info(self, user: Any, scope: str) -> dict[str, Any]:
        return user.claims | user.lies


class Payload(OAuth2Payload):
    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    @property
    def data(self) -> dict[str, str]:
        return self.values

    @property
    def datalist(self) -> Any:
        return defaultdict(list, {name: [value] for name, value in self.values.items()})


class Asked(OAuth2Request):
    def __init__(
        self, method: str, url: str, headers: Any, args: dict[str, str], form: dict[str, str]
    ) -> None:
        super().__init__(method, url, headers=headers)
        self._sent = (args, form)
        self.payload = Payload(args | form)

    @property
    def args(self) -> dict[str, str]:
        return self._sent[0]

    @property
    def form(self) -> dict[str, str]:
        return self._sent[1]


class Server(AuthorizationServer):
    def __init__(self, world: World, callbacks: str) -> None:
        super().__init__()
        self.world, self.client = world, Client(callbacks)
        self.register_token_generator("default", BearerTokenGenerator(lambda **_: secrets.token_urlsafe(32)))
        grant = type("WorldsGrant", (Grant,), {"world": world})
        self.register_grant(grant, [CodeChallenge(required=True), IdToken(world)])

    def query_client(self, client_id: str) -> Client | None:
        return self.client if client_id == CLIENT else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        self.world.tokens[token["access_token"]] = request.user

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        content = json.dumps(body) if isinstance(body, dict) else body
        return Response(content, status, dict(headers))


def make(issuer: str) -> FastAPI:
    app, world = FastAPI(), World(issuer)
    server = Server(world, "http://127.0.0.1/sign-in/provider/callback")

    @app.get("/.well-known/openid-configuration")
    def description() -> dict[str, Any]:
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return KeySet([world.key]).as_dict(private=False)

    @app.post("/person")
    async def person(request: Request) -> None:
        world.person = await request.json()

    @app.post("/new-key")
    def new_key() -> None:
        world.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        asked = Asked("GET", str(request.url), request.headers, dict(request.query_params), {})
        known = SimpleNamespace(
            claims=world.person["claims"],
            told=world.person.get("told", {}),
            lies=world.person.get("lies", {}),
            get_user_id=lambda: "1",
        )
        user = None if world.person.get("denies") else known
        grant = server.get_authorization_grant(asked)
        return server.create_authorization_response(asked, user, grant)

    @app.post("/token")
    async def token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        return server.create_token_response(Asked("POST", str(request.url), request.headers, {}, form))

    @app.get("/userinfo")
    def userinfo(request: Request) -> Response:
        user = world.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            return Response(status_code=401)
        return Response(json.dumps(user.claims | user.told), media_type="application/json")

    return app


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(make(issuer), log_level="warning")
    sys.stdout.write(f"{issuer}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
