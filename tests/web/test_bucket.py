"""OSV's bucket tree, as offline scanners fetch it."""

import hashlib
import io
import json
import zipfile
from base64 import b64encode

from assay.kit.checksums import Crc32c


def crc32c(content: bytes) -> str:
    total = Crc32c()
    total.update(content)
    return b64encode(total.digest()).decode()


def archived(content: bytes) -> dict[str, bytes]:
    """The records of an archive by name; fails for one that is damaged."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_ecosystems_are_listed_without_releases(service):
    answer = service.get("/osv/ecosystems.txt")
    names = answer.body.decode().splitlines()
    assert {"npm", "PyPI", "Ubuntu", "Debian", "GIT"} <= set(names)
    assert not [name for name in names if ":" in name]
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_an_archive_holds_every_record_as_it_is_served(service):
    answer = service.get("/osv/all.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-goog-hash"] == f"crc32c={crc32c(answer.body)}"
    records = archived(answer.body)
    assert records["GHSA-edge-edge-0003.json"] == service.get("/v1/vulns/GHSA-edge-edge-0003").body
    # Withdrawn ones are included, as the bucket does it.
    assert json.loads(records["GHSA-edge-edge-0004.json"])["withdrawn"]
    listed = service.get("/osv/modified_id.csv").body.decode().splitlines()
    assert {line.rpartition("/")[2] + ".json" for line in listed} <= records.keys()


def test_an_archive_of_an_ecosystem(service):
    ubuntu = archived(service.get("/osv/Ubuntu/all.zip").body)
    assert list(ubuntu) == ["UBUNTU-CVE-2024-90001.json"]
    one = service.get("/osv/Ubuntu/UBUNTU-CVE-2024-90001.json")
    assert one.body == ubuntu["UBUNTU-CVE-2024-90001.json"]
    assert one.headers["x-goog-hash"] == f"crc32c={crc32c(one.body)}"
    assert (
        service.get("/osv/Ubuntu/UBUNTU-CVE-2024-90001.json", If_None_Match=one.headers["etag"]).status == 304
    )
    for path in (
        "npm/UBUNTU-CVE-2024-90001.json",
        "Ubuntu/none.json",
        "Ubuntu/SNYK-JS-EDGE-1.json",
        "Ubuntu",
    ):
        assert service.get(f"/osv/{path}").status == 404


def test_what_changed_last_stands_first(service):
    everything = [line.split(",") for line in service.get("/osv/modified_id.csv").body.decode().splitlines()]
    assert [when for when, _ in everything] == sorted((when for when, _ in everything), reverse=True)
    assert ["2024-05-01T10:00:00.500000Z", "npm/GHSA-edge-edge-0003"] in everything
    npm = service.get("/osv/npm/modified_id.csv").body.decode().splitlines()
    assert npm == [
        f"{when},{name.removeprefix('npm/')}" for when, name in everything if name.startswith("npm/")
    ]
    record = service.get("/v1/vulns/GHSA-edge-edge-0003").json
    assert f"{record['modified']},{record['id']}" in npm


def test_a_client_that_has_it_is_told_so(service):
    first = service.get("/osv/npm/all.zip")
    etag, when = first.headers["etag"], first.headers["last-modified"]
    assert service.get("/osv/npm/all.zip", If_None_Match=f'"other", W/{etag}').status == 304
    assert service.get("/osv/npm/all.zip", If_Modified_Since=when).status == 304
    assert service.get("/osv/npm/all.zip", If_None_Match='"other"', If_Modified_Since=when).status == 200
    assert service.get("/osv/npm/all.zip", If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT").status == 200
    assert service.get("/osv/npm/all.zip", If_Modified_Since="yesterday").status == 200


def test_head_and_ranges(service):
    whole = service.get("/osv/npm/all.zip")
    head = service.ask("HEAD", "/osv/npm/all.zip")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-length", "etag", "last-modified", "x-goog-hash", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]
    part = service.get("/osv/npm/all.zip", Range="bytes=100-199")
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.body)}"
    rest = service.get("/osv/npm/all.zip", Range=f"bytes={len(whole.body)}-")
    assert rest.status == 416
    other = service.get("/osv/npm/all.zip", Range="bytes=0-9", If_Range='"an older one"')
    assert (other.status, other.body) == (200, whole.body)


def test_an_unknown_ecosystem_and_one_that_points_elsewhere(service):
    for name in ("Nowhere", "..", "%2e%2e", "..%2f..%2fetc", "npm%00"):
        for file in ("all.zip", "modified_id.csv"):
            assert service.get(f"/osv/{name}/{file}").status == 404
    told = service.get("/osv/Nowhere/all.zip")
    assert told.headers["content-type"] == "application/problem+json"
    assert "'Nowhere'" in told.json["detail"]


def test_files_are_made_once_for_a_state_of_the_catalog(service):
    service.get("/osv/npm/all.zip")
    folder = service.ctx.settings.home / "exports"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
    digest = hashlib.sha256(service.get("/osv/npm/all.zip").body).hexdigest()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/*")} == before
    # The same records are the same archive, whenever it is made.
    for path in before:
        path.unlink()
    assert hashlib.sha256(service.get("/osv/npm/all.zip").body).hexdigest() == digest
    assert not [path for path in folder.glob("*/*") if path.suffix != ".json" and "@" not in path.name]
