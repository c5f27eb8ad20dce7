"""Bucket over obstore's Google client, its HTTP client and its local store, on loopback and a real disk."""

import hashlib
import random
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import AssayError, NotFound, Permanent, Transient
from assay.kit.bucket import Bucket, BucketOptions, open_bucket
from assay.kit.files import Files
from assay.kit.transfer import Absent, Backoff, Downloaded, NotModified, Validators
from servers import LAST_MODIFIED, Document, Fault, Web, web_server

BODY = random.Random(11).randbytes(3_000_000)


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


@pytest.fixture(params=["gs", "http"])
def bucket(request: pytest.FixtureRequest, web: Web, waits: list[float]) -> Bucket:
    """Google's XML interface is `GET /<bucket>/<object>`; the same documents serve both clients."""
    options = BucketOptions(
        endpoint=web.url, resume_seconds=0.001, read_seconds=0.5, backoff=Backoff(retries=2)
    )
    if request.param == "gs":
        return open_bucket("gs://advisories", options, sleep=waits.append, random=lambda: 0.5)
    return open_bucket(f"{web.url}/advisories", options, sleep=waits.append, random=lambda: 0.5)


def test_an_object_arrives_whole_and_without_credentials(web: Web, bucket: Bucket, files: Files) -> None:
    web.documents["/advisories/all"] = Document(BODY, '"v1"')
    seen: list[tuple[int, int | None]] = []
    result = bucket.download("all", files, progress=lambda done, total: seen.append((done, total)))
    assert isinstance(result, Downloaded)
    assert result.stored.sha256 == hashlib.sha256(BODY).hexdigest()
    assert files.path(result.stored.sha256).read_bytes() == BODY
    assert result.validators == Validators('"v1"', LAST_MODIFIED)
    assert seen[-1] == (len(BODY), len(BODY))
    assert len(seen) > 1
    assert "authorization" not in web.asked[0].headers
    assert web.asked[0].headers["user-agent"].startswith("assay/")


def test_the_same_version_is_not_sent_again(web: Web, bucket: Bucket, files: Files) -> None:
    web.documents["/advisories/all"] = Document(b"x", '"v1"')
    for validators in (Validators('"v1"', LAST_MODIFIED), Validators(None, LAST_MODIFIED)):
        assert bucket.download("all", files, validators=validators) == NotModified(validators)
    assert isinstance(bucket.download("all", files, validators=Validators('"v0"')), Downloaded)
    assert isinstance(bucket.download("all", files, validators=Validators(None, "nonsense")), Downloaded)


def test_a_body_that_breaks_off_is_continued(web: Web, bucket: Bucket, files: Files) -> None:
    web.documents["/advisories/all"] = Document(BODY, '"v1"', faults=deque([Fault(cut=1_000_000)]))
    result = bucket.download("all", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == BODY
    assert "range" in web.asked[1].headers


def test_an_object_that_changes_meanwhile_is_fetched_from_its_beginning(
    web: Web, bucket: Bucket, files: Files, waits: list[float]
) -> None:
    web.documents["/advisories/all"] = Document(BODY, '"v1"', faults=deque([Fault(cut=1_000_000)]))

    def change(asked: object) -> None:
        if len(web.asked) == 1:
            web.documents["/advisories/all"] = Document(BODY[::-1], '"v2"')

    web.on_request = change
    result = bucket.download("all", files)
    assert isinstance(result, Downloaded)
    assert files.path(result.stored.sha256).read_bytes() == BODY[::-1]
    assert result.validators.etag == '"v2"'
    assert len(waits) == 1


def test_failures_of_the_server_are_retried_and_then_transient(
    web: Web, bucket: Bucket, files: Files, waits: list[float]
) -> None:
    web.documents["/advisories/all"] = Document(b"x", '"v"', faults=deque([Fault(status=503)] * 5))
    assert isinstance(bucket.download("all", files), Downloaded)
    web.documents["/advisories/all"].faults.extend([Fault(status=429)] * 12)
    with pytest.raises(Transient, match="429"):
        bucket.download("all", files)
    assert waits == [0.5, 0.5, 1.0]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refusals_are_permanent(
    web: Web, bucket: Bucket, files: Files, waits: list[float], status: int
) -> None:
    web.documents["/advisories/all"] = Document(b"x", '"v"', faults=deque([Fault(status=status)]))
    with pytest.raises(Permanent, match="check"):
        bucket.download("all", files)
    assert waits == []


def test_missing_and_too_large_objects(web: Web, bucket: Bucket, files: Files) -> None:
    with pytest.raises(Absent, match="advisories/none") as caught:
        bucket.download("none", files)
    assert isinstance(caught.value, NotFound)
    web.documents["/advisories/all"] = Document(BODY, '"v1"')
    with pytest.raises(Permanent, match="3,000,000 bytes, and 1,000 are the limit"):
        bucket.download("all", files, max_bytes=1000)
    with pytest.raises(Permanent, match="limit"):
        bucket.get("all", max_bytes=1000)
    web.documents["/advisories/page"] = Document(b"x", last_modified=None, chunked=True)
    with pytest.raises(Permanent, match="no object store"):
        bucket.get("page")
    with pytest.raises(Permanent, match="not a usable object name"):
        bucket.get("../all")
    assert list((files.root / "incoming").iterdir()) == []


def test_an_unreachable_server_is_transient(files: Files, waits: list[float]) -> None:
    with web_server() as gone:
        options = BucketOptions(endpoint=gone.url, resumes=0, backoff=Backoff(retries=1))
    bucket = open_bucket("gs://advisories", options, sleep=waits.append)
    with pytest.raises(Transient):
        bucket.download("all", files)
    assert len(waits) == 1


def test_many_objects_come_in_order_each_with_its_own_fate(web: Web, bucket: Bucket) -> None:
    names = [f"X-{number}" for number in range(60)]
    for number, name in enumerate(names):
        web.documents[f"/advisories/{name}"] = Document(str(number).encode(), '"v"')
    del web.documents["/advisories/X-7"]
    web.documents["/advisories/X-9"].faults.append(Fault(status=403))
    found = list(bucket.get_many(iter(names), concurrency=8))
    assert [name for name, _ in found] == names
    errors = {name: error for name, error in found if isinstance(error, AssayError)}
    assert {name: type(error) for name, error in errors.items()} == {"X-7": Absent, "X-9": Permanent}
    assert all(
        body == str(number).encode() for number, (name, body) in enumerate(found) if name not in errors
    )


def test_only_as_many_objects_are_asked_for_as_are_taken(web: Web, bucket: Bucket) -> None:
    for number in range(100):
        web.documents[f"/advisories/{number}"] = Document(b"x", '"v"')
    taken = bucket.get_many((str(number) for number in range(100)), concurrency=4)
    assert next(taken) == ("0", b"x")
    taken.close()
    assert len(web.asked) <= 8


def test_a_local_folder_is_a_bucket_too(tmp_path: Path, files: Files) -> None:
    folder = tmp_path / "mirror of osv"
    (folder / "npm").mkdir(parents=True)
    (folder / "npm" / "ALSA-2019:3338.json").write_bytes(b"{}")
    bucket = open_bucket(folder.as_uri())
    result = bucket.download("npm/ALSA-2019:3338.json", files)
    assert isinstance(result, Downloaded)
    assert isinstance(
        bucket.download("npm/ALSA-2019:3338.json", files, validators=result.validators), NotModified
    )
    assert bucket.get("npm/ALSA-2019:3338.json") == b"{}"
    with pytest.raises(Absent):
        bucket.get("npm/none.json")


@pytest.mark.parametrize("url", ["ftp://example.org/x", "nonsense", "gs://", "", "file://relative/x"])
def test_what_is_no_bucket_is_permanent(url: str) -> None:
    with pytest.raises(Permanent, match="is not the address of a bucket"):
        open_bucket(url)


def test_names_with_colons_and_blanks_find_their_objects(web: Web, files: Files) -> None:
    bucket = open_bucket("gs://advisories", BucketOptions(endpoint=web.url))
    web.documents["/advisories/Rocky Linux:8/ALSA-2019:3338.json"] = Document(b"{}", '"v"')
    assert bucket.get("Rocky Linux:8/ALSA-2019:3338.json") == b"{}"
    assert web.paths() == ["/advisories/Rocky%20Linux%3A8%2FALSA%2D2019%3A3338%2Ejson"]
