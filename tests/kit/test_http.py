"""Http against a real server that cuts, stalls, lies, changes its mind and sends clients away."""

import gzip
import hashlib
import os
import random
import signal
import ssl
import subprocess
import sys
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import NotFound, Permanent, Transient
from assay.kit.checksums import Crc32c, promised
from assay.kit.files import Files
from assay.kit.http import Http, HttpOptions
from assay.kit.partial import drop_partials
from assay.kit.transfer import (
    Absent,
    Backoff,
    Downloaded,
    Fetched,
    Interrupted,
    NotModified,
    Validators,
    wait_seconds,
)
from servers import LAST_MODIFIED, Document, Fault, Web, http_date, web_server

BODY = random.Random(7).randbytes(3_000_000)
ETAG = '"v1"'


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        yield web


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files")


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def http(waits: list[float]) -> Iterator[Http]:
    options = HttpOptions(
        read_seconds=0.3, connect_seconds=2, trust_environment=False, backoff=Backoff(retries=3)
    )
    with Http(options, sleep=waits.append, random=lambda: 0.5) as http:
        yield http


def leftovers(files: Files) -> list[str]:
    folders = (files.root / "partial", files.root / "incoming")
    return [p.name for folder in folders for p in folder.glob("*") if p.suffix != ".lock"]


def test_a_document_arrives_whole_with_its_validators(web: Web, files: Files, http: Http) -> None:
    web.documents["/all.zip"] = Document(BODY, ETAG)
    seen: list[tuple[int, int | None]] = []
    result = http.download(
        f"{web.url}/all.zip", files, progress=lambda done, total: seen.append((done, total))
    )
    assert isinstance(result, Downloaded)
    assert result.stored.sha256 == hashlib.sha256(BODY).hexdigest()
    assert files.path(result.stored.sha256).read_bytes() == BODY
    assert result.validators == Validators(ETAG, LAST_MODIFIED)
    assert seen == sorted(seen)
    assert seen[-1] == (len(BODY), len(BODY))
    assert web.asked[0].headers["user-agent"].startswith("assay/")
    assert web.asked[0].headers["accept-encoding"] == "identity"
    assert leftovers(files) == []


@pytest.mark.parametrize(
    "validators", [Validators(ETAG, LAST_MODIFIED), Validators(ETAG, None), Validators(None, LAST_MODIFIED)]
)
def test_the_same_version_is_not_sent_again(
    web: Web, files: Files, http: Http, validators: Validators
) -> None:
    web.documents["/d"] = Document(b"x", ETAG)
    assert http.download(f"{web.url}/d", files, validators=validators) == NotModified(validators)
    web.documents["/d"] = Document(b"y", '"v2"', http_date(1_700_000_000))
    assert isinstance(http.download(f"{web.url}/d", files, validators=validators), Downloaded)


@pytest.mark.parametrize(
    "fault",
    [Fault(cut=1_200_000), Fault(stall=1_200_000), Fault(cut=0), Fault(hang_up=True), Fault(status=503)],
)
@pytest.mark.parametrize("etag", [ETAG, None])
def test_an_interrupted_body_goes_on_where_it_ended(
    web: Web, files: Files, http: Http, fault: Fault, etag: str | None
) -> None:
    web.documents["/d"] = Document(BODY, etag, faults=deque([fault]))
    result = http.download(f"{web.url}/d", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == BODY
    assert len(web.asked) == 2
    kept = fault.cut or fault.stall
    if kept:
        assert 0 < int(web.asked[1].headers["range"][6:-1]) <= kept
        assert web.asked[1].headers["if-range"] == (etag or LAST_MODIFIED)
    else:
        assert "range" not in web.asked[1].headers


def test_a_changed_document_is_fetched_from_its_beginning(web: Web, files: Files, http: Http) -> None:
    other = BODY[::-1]

    def change(asked: object) -> None:
        if len(web.asked) == 2:
            web.documents["/d"] = Document(other, '"v2"')

    web.documents["/d"] = Document(BODY, ETAG, faults=deque([Fault(cut=1_200_000), Fault(hang_up=True)]))
    web.on_request = change
    result = http.download(f"{web.url}/d", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == other
    assert result.validators.etag == '"v2"'


@pytest.mark.parametrize(
    "document",
    [
        Document(BODY, ETAG, ranges=False),
        Document(BODY, 'W/"weak"', None),
        Document(BODY, None, None),
    ],
    ids=["no-ranges", "weak-tag", "no-validator"],
)
def test_what_cannot_be_resumed_starts_again(web: Web, files: Files, http: Http, document: Document) -> None:
    document.faults = deque([Fault(cut=1_200_000)])
    web.documents["/d"] = document
    result = http.download(f"{web.url}/d", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == BODY


def test_a_cut_chunked_body_is_noticed(web: Web, files: Files, http: Http) -> None:
    web.documents["/d"] = Document(BODY, ETAG, chunked=True, faults=deque([Fault(cut=1_200_000)]))
    result = http.download(f"{web.url}/d", files)
    assert isinstance(result, Downloaded)
    assert result.stored.bytes == len(BODY)
    assert "range" in web.asked[1].headers


def test_a_killed_process_leaves_what_the_next_one_goes_on_from(web: Web, files: Files, http: Http) -> None:
    web.documents["/d"] = Document(BODY, ETAG, faults=deque([Fault(stall=2_000_000)]))
    script = (
        "import sys; from pathlib import Path\n"
        "from assay.kit.files import Files; from assay.kit.http import *\n"
        "def tell(done, total):\n"
        "    if done > 1_500_000: print(done, flush=True)\n"
        "http = Http(HttpOptions(trust_environment=False))\n"
        "http.download(sys.argv[1], Files(Path(sys.argv[2])), progress=tell)"
    )
    arguments = [sys.executable, "-c", script, f"{web.url}/d", str(files.root)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    result = http.download(f"{web.url}/d", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == BODY
    assert int(web.asked[1].headers["range"][6:-1]) > 1_000_000
    assert leftovers(files) == []


def test_kept_bytes_of_a_newer_known_version_are_dropped(web: Web, files: Files, http: Http) -> None:
    web.documents["/d"] = Document(
        BODY, ETAG, faults=deque([Fault(cut=1_200_000)] + [Fault(hang_up=True)] * 5)
    )
    with pytest.raises(Transient):
        http.download(f"{web.url}/d", files)
    assert len(leftovers(files)) == 2
    web.documents["/d"].faults.clear()
    assert isinstance(http.download(f"{web.url}/d", files, validators=Validators(ETAG)), NotModified)
    assert leftovers(files) == []


def test_old_kept_bytes_can_be_dropped(web: Web, files: Files, http: Http) -> None:
    web.documents["/d"] = Document(
        BODY, ETAG, faults=deque([Fault(cut=1_200_000)] + [Fault(hang_up=True)] * 5)
    )
    with pytest.raises(Transient):
        http.download(f"{web.url}/d", files)
    assert drop_partials(files, before=1.0) == 0
    assert drop_partials(files, before=1e12) == 1
    assert leftovers(files) == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_passing_failures_are_retried_and_then_transient(
    web: Web, files: Files, http: Http, waits: list[float], status: int
) -> None:
    web.documents["/d"] = Document(b"x", faults=deque([Fault(status=status)] * 4))
    with pytest.raises(Interrupted, match=str(status)):
        http.download(f"{web.url}/d", files)
    assert waits == [0.5, 1.0, 2.0]
    assert len(web.asked) == 4


def test_an_unreachable_server_is_transient(files: Files, http: Http, waits: list[float]) -> None:
    with web_server() as gone:
        url = gone.url
    with pytest.raises(Transient, match="ConnectError"):
        http.download(f"{url}/d", files)
    assert len(waits) == 3


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": http_date(2_000_000_007)}, None),
        ({"Retry-After": "soon"}, 0.5),
        ({"Retry-After": "0"}, 0.5),
    ],
)
def test_retry_after_is_honoured(
    web: Web, files: Files, http: Http, waits: list[float], *, headers: dict[str, str], expected: float | None
) -> None:
    web.documents["/d"] = Document(b"x", faults=deque([Fault(status=429, headers=headers)]))
    if expected is None:
        # The date lies years ahead of the server's own clock: not worth keeping a task waiting.
        with pytest.raises(Interrupted) as caught:
            http.download(f"{web.url}/d", files)
        assert waits == []
        assert (caught.value.retry_after or 0) > 1_000_000
    else:
        http.download(f"{web.url}/d", files)
        assert waits == [expected]


@pytest.mark.parametrize("status", [400, 401, 403, 405, 407, 418, 451])
def test_other_refusals_are_permanent_and_say_what_to_do(
    web: Web, files: Files, http: Http, waits: list[float], status: int
) -> None:
    web.documents["/d?key=hidden"] = Document(b"x", faults=deque([Fault(status=status)]))
    url = web.url.replace("http://", "http://user:secret@")
    with pytest.raises(Permanent, match=rf"answered {status}.*(check|give|put|another mirror)") as caught:
        http.download(f"{url}/d?key=hidden", files)
    assert not isinstance(caught.value, NotFound)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert waits == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_document_can_be_told_apart(web: Web, files: Files, http: Http, status: int) -> None:
    web.documents["/d"] = Document(b"x", faults=deque([Fault(status=status)]))
    with pytest.raises(Absent) as caught:
        http.download(f"{web.url}/d", files)
    assert isinstance(caught.value, NotFound)
    assert isinstance(caught.value, Permanent)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_cap_is_refused_and_forgotten(
    web: Web, files: Files, http: Http, chunked: bool
) -> None:
    web.documents["/d"] = Document(BODY, ETAG, chunked=chunked)
    with pytest.raises(Permanent, match="1,000,000 bytes are the limit"):
        http.download(f"{web.url}/d", files, max_bytes=1_000_000)
    assert leftovers(files) == []


def goog(body: bytes, *, md5: bool) -> dict[str, str]:
    crc = Crc32c()
    crc.update(body)
    fields = f"crc32c={b64encode(crc.digest()).decode()}"
    if md5:
        fields += f",md5={b64encode(hashlib.md5(body).digest()).decode()}"
    return {"X-Goog-Hash": fields}


@pytest.mark.parametrize(
    "headers",
    [
        goog(BODY[:100_001], md5=True),
        goog(BODY[:100_001], md5=False),
        {"Content-MD5": b64encode(hashlib.md5(BODY[:100_001]).digest()).decode()},
    ],
    ids=["goog-md5", "goog-crc32c", "content-md5"],
)
def test_a_damaged_body_is_fetched_again(web: Web, files: Files, http: Http, headers: dict[str, str]) -> None:
    body = BODY[:100_001]
    web.documents["/d"] = Document(body, ETAG, headers=headers, faults=deque([Fault(flip=True)]))
    result = http.download(f"{web.url}/d", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == body
    assert len(web.asked) == 2
    web.documents["/d"].faults.extend([Fault(flip=True)] * 9)
    with pytest.raises(Transient, match="arrived damaged"):
        http.download(f"{web.url}/d", files)
    assert leftovers(files) == []


def test_a_resumed_body_is_checked_as_a_whole(web: Web, files: Files, http: Http) -> None:
    faults = deque([Fault(flip=True, cut=2_000_000)])
    web.documents["/d"] = Document(BODY, ETAG, headers=goog(BODY, md5=True), faults=faults)
    result = http.download(f"{web.url}/d", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == BODY
    assert ["range" in asked.headers for asked in web.asked] == [False, True, False]


def test_an_inflated_gcs_object_is_not_held_to_the_hash_of_its_gzip(
    web: Web, files: Files, http: Http
) -> None:
    headers = goog(gzip.compress(b"plain"), md5=True) | {"X-Goog-Stored-Content-Encoding": "gzip"}
    web.documents["/d"] = Document(b"plain", headers=headers)
    assert isinstance(http.download(f"{web.url}/d", files), Downloaded)


def test_an_expected_sha256_decides(web: Web, files: Files, http: Http) -> None:
    web.documents["/d"] = Document(b"content", ETAG)
    right = hashlib.sha256(b"content").hexdigest()
    assert isinstance(http.download(f"{web.url}/d", files, sha256=right.upper()), Downloaded)
    files.remove(right)
    with pytest.raises(Permanent, match="find out which"):
        http.download(f"{web.url}/d", files, sha256="0" * 64)
    assert not files.has(right)
    assert leftovers(files) == []


def test_redirects_are_followed_but_not_for_ever(web: Web, files: Files, http: Http) -> None:
    web.documents |= {"/a": Document(redirect="/b"), "/b": Document(redirect="d"), "/d": Document(b"x", ETAG)}
    result = http.download(f"{web.url}/a", files)
    assert isinstance(result, Downloaded)
    assert result.url == f"{web.url}/d"
    web.documents["/loop"] = Document(redirect="/loop")
    with pytest.raises(Permanent, match="redirects more than 5 times"):
        http.download(f"{web.url}/loop", files)
    web.documents["/ftp"] = Document(redirect="file:///etc/passwd")
    with pytest.raises(Permanent, match="no usable address"):
        http.download(f"{web.url}/ftp", files)


def test_private_fields_stay_with_the_origin(web: Web, files: Files, http: Http) -> None:
    with web_server() as other:
        other.documents["/d"] = Document(b"x")
        web.documents |= {"/same": Document(redirect="/away"), "/away": Document(redirect=f"{other.url}/d")}
        http.download(f"{web.url}/same", files, headers={"X-Api-Key": "k", "Authorization": "Bearer t"})
        assert [asked.headers.get("x-api-key") for asked in web.asked] == ["k", "k"]
        assert {"x-api-key", "authorization"} & set(other.asked[0].headers) == set()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def test_encryption_is_checked_and_never_given_up(
    web: Web, files: Files, http: Http, waits: list[float], *, authority: trustme.CA, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with web_server(context) as secure:
        secure.documents |= {"/d": Document(b"x"), "/down": Document(redirect=f"{web.url}/d")}
        with pytest.raises(Permanent, match="certificate is not trusted"):
            http.get(f"{secure.url}/d")
        assert waits == []
        options = HttpOptions(trust_environment=False, authorities=trusted)
        with Http(options, sleep=waits.append) as trusting:
            assert trusting.get(f"{secure.url}/d") == b"x"
            with pytest.raises(Permanent, match="unencrypted"):
                trusting.download(f"{secure.url}/down", files)
        assert web.asked == []


def test_a_proxy_is_taken_from_the_environment_or_from_the_options(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "http://feeds.example.org/d"
    web.documents[address] = Document(b"by proxy")
    with Http(HttpOptions(trust_environment=False, proxy=web.url)) as http:
        assert http.get(address) == b"by proxy"
    monkeypatch.setenv("HTTP_PROXY", web.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Http() as http:
        assert http.get(address) == b"by proxy"
    assert web.paths() == [address, address]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/x", "http://", "nonsense", "http://a:b:c/"]
)
def test_unusable_addresses_are_permanent(http: Http, files: Files, waits: list[float], url: str) -> None:
    with pytest.raises(Permanent):
        http.download(url, files)
    assert waits == []


def test_unusable_options_are_permanent_once_something_is_fetched(tmp_path: Path, files: Files) -> None:
    for options, what in (
        (HttpOptions(proxy="nonsense"), "proxy"),
        (HttpOptions(authorities=tmp_path / "none.pem"), "certificates"),
    ):
        with Http(options) as http, pytest.raises(Permanent, match=what):
            http.download("https://example.org/", files)


def test_get_inflates_under_a_cap(web: Web, http: Http) -> None:
    packed = gzip.compress(b"words " * 1000)
    web.documents["/z"] = Document(packed, headers={"Content-Encoding": "gzip"})
    assert http.get(f"{web.url}/z") == b"words " * 1000
    bomb = gzip.compress(b"\0" * 50_000_000)
    web.documents["/bomb"] = Document(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(Permanent, match="more than 1,000,000 bytes"):
        http.get(f"{web.url}/bomb", max_bytes=1_000_000)
    web.documents["/bad"] = Document(b"no gzip", headers={"Content-Encoding": "gzip"})
    with pytest.raises(Permanent, match="damaged gzip"):
        http.get(f"{web.url}/bad")
    web.documents["/br"] = Document(b"?", headers={"Content-Encoding": "br"})
    with pytest.raises(Permanent, match="not asked for"):
        http.get(f"{web.url}/br")
    with pytest.raises(Absent):
        http.get(f"{web.url}/none")


def test_get_retries_a_cut_body_and_a_cut_gzip_is_damage(web: Web, http: Http) -> None:
    web.documents["/d"] = Document(BODY, faults=deque([Fault(cut=1000)]))
    assert http.get(f"{web.url}/d") == BODY
    packed = gzip.compress(BODY[:5000])
    web.documents["/z"] = Document(packed[:-9], headers={"Content-Encoding": "gzip"})
    with pytest.raises(Permanent, match="damaged gzip"):
        http.get(f"{web.url}/z")


def test_two_downloads_of_one_address_take_turns(web: Web, files: Files) -> None:
    web.documents["/d"] = Document(BODY, ETAG)
    options = HttpOptions(trust_environment=False, busy_seconds=0)
    refused: list[int] = []
    with Http(options) as http, Http(options) as second:

        def meanwhile(done: int, total: int | None) -> None:
            if not refused:
                with pytest.raises(Transient, match="another process"):
                    second.download(f"{web.url}/d", files)
                refused.append(done)

        http.download(f"{web.url}/d", files, progress=meanwhile)
    assert len(web.asked) == 1
    assert len(refused) > 0


@given(st.integers(1, 5000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 100))
def test_waits_are_bounded_and_never_shorter_than_asked(
    failures: int, draw: float, asked: float | None
) -> None:
    waited = wait_seconds(Backoff(), failures, draw, asked)
    assert (asked or 0) <= waited <= max(60.0, asked or 0)


@given(st.lists(st.binary(max_size=9), max_size=20))
def test_crc32c_does_not_depend_on_how_it_is_fed(chunks: list[bytes]) -> None:
    whole, parts = Crc32c(), Crc32c()
    whole.update(b"".join(chunks))
    for chunk in chunks:
        parts.update(chunk)
    assert whole.digest() == parts.digest()


def test_crc32c_of_rfc_3720() -> None:
    for data, expected in [(b"\0" * 32, "8a9136aa"), (b"\xff" * 32, "62a8ab43"), (b"123456789", "e3069283")]:
        crc = Crc32c()
        crc.update(data)
        assert crc.digest().hex() == expected


@given(st.lists(st.text(max_size=30), max_size=4), st.none() | st.text(max_size=30))
def test_nonsense_promises_nothing(fields: list[str], md5: str | None) -> None:
    found = promised(fields, md5)
    assert found.md5 is None or len(found.md5) == 16
    assert found.crc32c is None or len(found.crc32c) == 4


def test_fetch_tells_what_the_server_says_and_asks_for_changes_only(web: Web, http: Http) -> None:
    kind = {"Content-Type": "application/atom+xml; charset=utf-8", "Content-Encoding": "gzip"}
    web.documents["/feed"] = Document(gzip.compress(b"<feed/>"), etag=ETAG, headers=kind)
    found = http.fetch(f"{web.url}/feed")
    assert isinstance(found, Fetched)
    assert (found.body, found.url) == (b"<feed/>", f"{web.url}/feed")
    assert found.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert found.validators == Validators(ETAG, LAST_MODIFIED)
    again = http.fetch(f"{web.url}/feed", validators=found.validators)
    assert again == NotModified(found.validators)
    assert http.fetch(f"{web.url}/feed", validators=Validators('"v0"')) == found


def test_fetch_gives_up_what_is_too_large_or_too_slow(web: Web, http: Http) -> None:
    web.documents["/feed"] = Document(bytes(1000))
    with pytest.raises(Permanent, match="more than 999 bytes"):
        http.fetch(f"{web.url}/feed", max_bytes=999)
    with pytest.raises(Transient, match="did not end its answer in time"):
        http.fetch(f"{web.url}/feed", max_seconds=0)
