"""The pages on the sample, asked by somebody of a role, and a count of the statements that each asks."""

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context
from conftest import Server
from sample import loaded_sample
from web_service import Service, running_service


@pytest.fixture(scope="package")
def loaded(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A Context on a database with all of the sample and every schedule."""
    with loaded_sample(server, template, "pages", tmp_path_factory.mktemp("pages") / "home") as ctx:
        yield ctx


@dataclass
class Browser:
    """Somebody who reads pages and presses buttons, without scripts. Keeps cookies as a browser does."""

    service: Service
    role: Role
    cookies: dict[str, str] = field(default_factory=dict)

    def send(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(urlsplit(self.service.url).netloc, timeout=60)
        sent = {"Accept": "text/html", "X-Role": self.role.value, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value and "Max-Age=0" not in rest:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        answer.text = unescape(answer.read().decode())  # type: ignore[attr-defined] # kept beside the answer
        connection.close()
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, **fields: str) -> Any:
        """Send a form, and follow to the page that it leads to; any other answer is given as it is."""
        form = urlencode({"back": "/", **fields})
        answer = self.send("POST", path, form, **{"Content-Type": "application/x-www-form-urlencoded"})
        return self.get(answer.headers["Location"]) if answer.status == 303 else answer


def _by_header(request: Any) -> Principal:
    role = Role(request.headers["x-role"])
    return Principal(Kind.PERSON, f"a {role}", role, 1)


@pytest.fixture(scope="package")
def pages(loaded: Context) -> Iterator[Service]:
    """The service on the sample; a header says which role somebody has."""
    with running_service(loaded, identify=_by_header) as found:
        yield found


@pytest.fixture
def viewer(pages: Service) -> Browser:
    return Browser(pages, Role.VIEWER)


@pytest.fixture
def analyst(pages: Service) -> Browser:
    return Browser(pages, Role.ANALYST)


@pytest.fixture
def admin(pages: Service) -> Browser:
    return Browser(pages, Role.ADMIN)


Counting = Callable[[], Any]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Lists the statements that are sent to the database within a block; settings of the session are not among them."""
    seen: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        text = query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else str(query)
        seen.append(re.sub(r"\s+", " ", text)[:100])
        return execute(self, query, *args, **more)

    stream = psycopg.Cursor.stream

    def streamed(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        seen.append(re.sub(r"\s+", " ", str(query))[:100])
        return stream(self, query, *args, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    monkeypatch.setattr(psycopg.Cursor, "stream", streamed)

    @contextmanager
    def block() -> Iterator[list[str]]:
        seen.clear()
        yield seen

    return block
