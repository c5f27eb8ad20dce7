"""The web service on loopback, and records made for its edges, to be synced beside the sample."""

import http.client
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from assay.auth.commands import Act, add_token
from assay.auth.model import Kind, Principal, Role, Scope
from assay.bootstrap import Context
from assay.web import running

COMMIT = "ab" * 20


def record(name: str, *affected: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An OSV record as a source writes it."""
    return {
        "schema_version": "1.7.0",
        "id": name,
        "modified": "2024-05-01T10:00:00.5Z",
        "summary": f"About {name}",
        "affected": list(affected),
        **fields,
    }


def package(
    ecosystem: str, name: str, *events: dict[str, str], versions: tuple[str, ...] = ()
) -> dict[str, Any]:
    """One affected entry."""
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    return {"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges, "versions": list(versions)}


ALL = {"introduced": "0"}
EDGES = [
    record(
        "UBUNTU-CVE-2024-90001",
        package("Ubuntu:22.04:LTS", "edge", ALL, {"fixed": "2.0"}, versions=("1.0", "1.1")),
    ),
    record(
        "OSV-2024-90002",
        {
            "ranges": [
                {
                    "type": "GIT",
                    "repo": "https://git.example.org/Edge-Org/edge",
                    "events": [{"introduced": COMMIT}],
                }
            ],
            "versions": ["edge-0.8.0", "v0.9.0-rc1"],
        },
    ),
    record(
        "GHSA-edge-edge-0003",
        package("npm", "edge", {"introduced": "1.0.0"}, {"fixed": "2.0.0"}, versions=("1.2.3",)),
        aliases=["SNYK-JS-EDGE-1"],
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        details="Long",
        references=[{"type": "WEB", "url": "https://example.org/edge"}],
        database_specific={"cwe_ids": ["CWE-79"]},
    ),
    record("GHSA-edge-edge-0004", package("npm", "edge", ALL), withdrawn="2024-06-01T00:00:00Z"),
    record("GHSA-edge-edge-0005", package("PyPI", "Edge_Case", ALL, {"fixed": "3"})),
    record("MAL-2024-90006", package("npm", "@edge/evil", versions=("6.6.6", "6.6.7"))),
    record("GHSA-edge-edge-0007", package("npm", "edge-unreadable", ALL, {"fixed": "not a version"})),
    record("DEBIAN-CVE-2024-90008", package("Debian:12", "edge", ALL, {"fixed": "1:2.0-1"})),
    record("DEBIAN-CVE-2024-90009", package("Debian:11", "edge", ALL, {"fixed": "1:3.0-1"})),
    record("GHSA-edge-edge-0010", package("npm", "edge-last", ALL, {"last_affected": "1.5.0"})),
]
# More than a page of a query, and more than three of an item of a batch.
PAGED = 3100
CROWD = [record(f"OSV-2022-9{number:05}", package("npm", "crowded", ALL)) for number in range(1, PAGED + 1)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Service:
    """The running service, and the Context it runs on."""

    url: str
    ctx: Context
    token: str | None = None
    """Shown with every request that has no other `Authorization`."""

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own; `_` in a header's name is `-`."""
        connection = self.connect()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        found = Answer(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )
        connection.close()
        return found

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, content: Any, **headers: str) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.ask("POST", path, body, **headers)

    def ids(self, query: Any) -> list[str]:
        """The ids that `/v1/query` finds, sorted."""
        answer = self.post("/v1/query", query)
        assert answer.status == 200, answer.body
        return sorted(vuln["id"] for vuln in answer.json.get("vulns", []))


TESTER = Principal(Kind.LOCAL, "tester", Role.ADMIN)


def token_of(ctx: Context, role: Role, *scopes: Scope) -> str:
    """A new token that belongs to nobody."""
    with ctx.db.transaction() as conn:
        act = Act(conn, ctx.sign_in, ctx.clock(), TESTER)
        return add_token(act, f"test {os.urandom(4).hex()}", role, scopes=scopes).secret


@contextmanager
def running_service(ctx: Context, role: Role | None = None, **chosen: Any) -> Iterator[Service]:
    """The service in a thread of this process, asked with a token of a role where one is named."""
    token = None if role is None else token_of(ctx, role)
    listening = running.listen("127.0.0.1", 0)
    is_ready = threading.Event()
    server = running.make_server(ctx, is_ready.set, **chosen)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert is_ready.wait(240)
        yield Service(running.address_of(listening), ctx, token)
    finally:
        server.should_exit = True
        thread.join(240)
        listening.close()
        assert not thread.is_alive()
