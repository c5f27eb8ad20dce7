"""What may be connected to: public addresses, what is allowed, and nothing by another name for it."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Transient
from assay.kit.http import Http, HttpOptions
from assay.kit.reach import OutOfReach, Reach, is_public
from assay.kit.transfer import Backoff, Fetched
from servers import Document, Web, web_server

NOTHING = Reach()


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        web.documents["/"] = Document(b"inside")
        yield web


def guarded(reach: Reach, **options: object) -> Http:
    values: dict[str, object] = {
        "trust_environment": False,
        "backoff": Backoff(retries=0),
        "connect_seconds": 2,
    }
    return Http(HttpOptions(reach=reach, **(values | options)))  # type: ignore[arg-type]  # the options check themselves


def body(http: Http, url: str, **more: object) -> bytes:
    found = http.fetch(url, **more)  # type: ignore[arg-type]  # any keyword of the method
    assert isinstance(found, Fetched)
    return found.body


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
        ),
    ],
)
def test_what_is_not_public_is_refused_however_it_is_written(address: str) -> None:
    with pytest.raises(OutOfReach, match="ASSAY_FEEDS__REACHABLE"):
        NOTHING.check_literal(address)
    Reach.read(["0.0.0.0/0", "::/0"]).check_literal(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::808:808"]
)
def test_what_is_public_is_not(address: str) -> None:
    NOTHING.check_literal(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_like_itself(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.ip_address(f"::ffff:{address}")
    assert NOTHING.allows("h", mapped) == NOTHING.allows("h", address) == is_public(address)


@pytest.mark.parametrize("word", ["10.0.0.0/99", "http://intranet", "", "a b", "10.0.0.1/8", "-"])
def test_what_is_neither_host_nor_network_is_told(word: str) -> None:
    with pytest.raises(ValueError, match="is no host, address or network"):
        Reach.read([word])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_this_machine_is_not_connected_to(web: Web, host: str) -> None:
    port = web.url.rpartition(":")[2]
    with guarded(NOTHING) as http, pytest.raises(OutOfReach):
        http.fetch(f"http://{host}:{port}/")
    assert web.asked == []


@pytest.mark.parametrize("allowed", ["127.0.0.0/8", "127.0.0.1"])
def test_a_network_may_be_allowed(web: Web, allowed: str) -> None:
    with guarded(Reach.read([allowed])) as http:
        assert body(http, web.url) == b"inside"


def test_a_host_may_be_allowed_by_name_and_only_by_that(web: Web) -> None:
    port = web.url.rpartition(":")[2]
    with guarded(Reach.read(["LocalHost."])) as http:
        assert body(http, f"http://localhost:{port}/") == b"inside"
        with pytest.raises(OutOfReach):
            http.fetch(web.url)


def test_a_redirect_does_not_lead_inside(web: Web) -> None:
    port = web.url.rpartition(":")[2]
    web.documents["/out"] = Document(redirect=f"http://localhost:{port}/")
    with guarded(Reach.read(["127.0.0.1/32"])) as http:
        # 127.0.0.1 is allowed and so is every name for it: the address counts.
        assert body(http, f"{web.url}/out") == b"inside"
    web.documents["/back"] = Document(redirect=web.url)
    with guarded(Reach.read(["localhost"])) as http, pytest.raises(OutOfReach):
        http.fetch(f"http://localhost:{port}/back")


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, looked_up = int(web.url.rpartition(":")[2]), []
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    def rebinding(host: str, *_: object, **__: object) -> list[object]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in next(answers)]

    monkeypatch.setattr("assay.kit.reach.socket.getaddrinfo", rebinding)
    found = Reach.read(["127.0.0.1"]).addresses("rebind.example.org", port)
    assert (found, looked_up) == (["127.0.0.1"], ["rebind.example.org"])
    with pytest.raises(OutOfReach):
        Reach.read(["127.0.0.1"]).addresses("rebind.example.org", port)


def test_of_several_addresses_only_allowed_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("10.0.0.1", "93.184.216.34")]
    monkeypatch.setattr("assay.kit.reach.socket.getaddrinfo", lambda *_, **__: mixed)
    assert NOTHING.addresses("mixed.example.org", 80) == ["93.184.216.34"]


def test_a_name_without_an_address_is_a_passing_fault() -> None:
    with guarded(NOTHING) as http, pytest.raises(Transient):
        http.fetch("http://nowhere.invalid/")


def test_encryption_is_checked_for_the_name_and_not_for_the_address(tmp_path: object) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    with authority.cert_pem.tempfile() as pem, web_server(server) as web:
        web.documents["/"] = Document(b"encrypted")
        with guarded(Reach.read(["localhost"]), authorities=pem) as http:
            assert body(http, web.url) == b"encrypted"


def test_through_a_proxy_what_is_known_here_is_checked_and_the_rest_is_the_proxys(web: Web) -> None:
    web.documents["http://unknown.invalid/"] = Document(b"through the proxy")
    with guarded(NOTHING, proxy=web.url) as http:
        assert body(http, "http://unknown.invalid/") == b"through the proxy"
        for inside in ("http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]/"):
            with pytest.raises(OutOfReach):
                http.fetch(inside)
    assert len(web.asked) == 1


def test_the_environments_proxy_counts_as_everywhere(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", web.url)
    monkeypatch.setenv("no_proxy", "localhost")
    web.documents["http://unknown.invalid/"] = Document(b"through the proxy")
    with guarded(Reach.read(["localhost"]), trust_environment=True) as http:
        assert body(http, "http://unknown.invalid/") == b"through the proxy"
        assert body(http, f"http://localhost:{web.url.rpartition(':')[2]}/") == b"inside"
