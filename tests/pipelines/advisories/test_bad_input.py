"""What the world sends instead of advisories: each record or document set aside with its reason, the rest goes on."""

import gzip
import json
import os
import random
import shutil
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from assay.bootstrap import Context
from assay.catalog import queries as catalog
from assay.jobs.ledger import Outcome
from assay.pipelines.advisories import commands, queries
from assay.pipelines.advisories.commands import Request
from assay.pipelines.advisories.model import RecordSource
from pipelines.advisories import builders as b

GOOD = b.many_osv(3)


def synced_with(ctx: Context, tmp_path: Path, odd: dict[str, bytes]) -> commands.SourceReport:
    """A sync of three good OSV records and some odd ones."""
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "some.zip", GOOD | odd))
    assert report.outcome is Outcome.COMPLETED, report.error
    assert {"X-0001", "X-0002", "X-0003"} <= b.live(ctx, "osv")
    b.check_books(ctx, report)
    return report


# Documents that are bad as a whole


def name_of_newest(ctx: Context, source: str) -> str:
    with ctx.db.transaction() as conn:
        return queries.list_documents(conn, source)[0].name


def refused(ctx: Context, origin: Path, source: str = "osv") -> commands.SourceReport:
    """A sync that applies nothing and leaves its document in quarantine with the reason."""
    before = b.fingerprint(ctx, without=["advisories.quarantine"])
    report = b.sync(ctx, source, origin)
    assert report.outcome in (Outcome.FAILED, Outcome.REFUSED), report
    assert report.error
    assert b.fingerprint(ctx, without=["advisories.quarantine"]) == before
    kept = b.aside(ctx, source)[f"document {name_of_newest(ctx, source)[:16]}"]
    assert (kept.record_id, kept.detail) == (None, report.error)
    assert kept.reason == ("refused" if report.outcome is Outcome.REFUSED else "unreadable-document")
    with ctx.db.transaction() as conn:
        newest = queries.list_documents(conn, source)[0]
    assert (newest.outcome, newest.detail) == ("refused", report.error)
    return report


@pytest.mark.parametrize("share", [0.2, 0.5, 0.999])
def test_truncated_zip_is_set_aside_and_other_sources_go_on(
    ctx: Context, tmp_path: Path, share: float
) -> None:
    whole = b.zip_of(tmp_path / "whole.zip", b.many_osv(40)).read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: int(len(whole) * share)])
    kev = tmp_path / "kev.json"
    kev.write_bytes(b.kev("CVE-2024-0001"))
    report = b.sync_all(ctx, {"osv": Request(origin=str(cut)), "kev": Request(origin=str(kev))})
    osv, second = report.sources
    assert osv.outcome is Outcome.FAILED
    assert "not a complete zip archive" in (osv.error or "")
    assert second.outcome is Outcome.COMPLETED
    assert not report.is_good
    assert b.reasons(ctx, "osv") == {f"document {name_of_newest(ctx, 'osv')[:16]}": "unreadable-document"}
    assert b.live(ctx, "kev") == {"CVE-2024-0001"}
    assert report.merged.added == 1
    # The whole zip clears it.
    whole_report = b.sync(ctx, "osv", tmp_path / "whole.zip")
    b.check_books(ctx, whole_report)
    assert b.aside(ctx, "osv") == {}


def test_what_is_no_zip_is_refused(ctx: Context, tmp_path: Path) -> None:
    page = b"<!doctype html><title>Sign in to the hotel's network</title>"
    for content in (b"", page, random.Random(1).randbytes(5000)):
        path = tmp_path / "all.zip"
        path.write_bytes(content)
        refused(ctx, path)


def test_empty_listings_are_refused_and_tombstone_nothing(ctx: Context, tmp_path: Path) -> None:
    first = b.sync(ctx, "osv", b.zip_of(tmp_path / "first.zip", GOOD))
    b.check_books(ctx, first)
    empty = [
        b.zip_of(tmp_path / "empty.zip", {}),
        b.zip_of(tmp_path / "no-records.zip", {"README.md": b"moved", "index.html": b"<html>"}),
        tmp_path / "folder",
    ]
    empty[2].mkdir()
    for path in empty:
        report = b.sync(ctx, "osv", path)
        assert report.outcome is Outcome.REFUSED
        assert "lists no record at all" in (report.error or "")
        # Neither is it a loss that a person can accept.
        assert b.sync(ctx, "osv", path, accept_loss=True).outcome is Outcome.REFUSED
    assert b.live(ctx, "osv") == {"X-0001", "X-0002", "X-0003"}
    assert set(b.reasons(ctx, "osv").values()) == {"refused"}
    assert len(b.aside(ctx, "osv")) == 3


def test_empty_listing_is_refused_at_the_first_sync_too(ctx: Context, tmp_path: Path) -> None:
    refused(ctx, b.zip_of(tmp_path / "empty.zip", {}))


def test_kev_document_without_entries_is_refused(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "kev.json"
    path.write_bytes(b.kev("CVE-2024-0001", "CVE-2024-0002"))
    assert b.sync(ctx, "kev", path).outcome is Outcome.COMPLETED
    for content in (b.kev(), b.kev(count=2), b'{"vulnerabilities": []}'):
        path.write_bytes(content)
        report = b.sync(ctx, "kev", path)
        assert report.outcome in (Outcome.REFUSED, Outcome.FAILED)
        assert b.live(ctx, "kev") == {"CVE-2024-0001", "CVE-2024-0002"}


def test_kev_document_of_another_shape_is_refused(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "kev.json"
    for content in (
        b"",
        b"[]",
        b"{}",
        b"null",
        b'"text"',
        b'{"vulnerabilities": {}}',
        b'{"vulnerabilities": [',
        b"\xff\xfe{}",
        b"<html>",
    ):
        path.write_bytes(content)
        refused(ctx, path, "kev")


def test_truncated_gzip_is_refused(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "kev.json.gz"
    path.write_bytes(gzip.compress(b.kev("CVE-2024-0001"))[:-12])
    refused(ctx, path, "kev")


# The guard against losing a tenth of a source


def test_loss_of_nine_in_a_hundred_is_news_and_of_eleven_is_damage(ctx: Context, tmp_path: Path) -> None:
    everything = b.many_osv(100)
    names = list(everything)
    b.check_books(ctx, b.sync(ctx, "osv", b.zip_of(tmp_path / "100.zip", everything)))

    def without(count: int) -> Path:
        return b.zip_of(tmp_path / f"{100 - count}.zip", {name: everything[name] for name in names[count:]})

    nine = b.sync(ctx, "osv", without(9))
    assert (nine.outcome, nine.counts.tombstoned, nine.counts.unchanged) == (Outcome.COMPLETED, 9, 91)
    b.check_books(ctx, nine)
    assert b.finished(ctx, "X-0001")["withdrawn"]

    back = b.sync(ctx, "osv", tmp_path / "100.zip")
    assert (back.counts.changed, back.counts.unchanged, back.counts.tombstoned) == (9, 91, 0)
    b.check_books(ctx, back)

    eleven = refused(ctx, without(11))
    assert eleven.outcome is Outcome.REFUSED
    assert "11 of 100" in (eleven.error or "")
    assert len(b.live(ctx, "osv")) == 100

    # A good document clears the refused one away.
    again = b.sync(ctx, "osv", without(1))
    assert (again.outcome, again.counts.tombstoned) == (Outcome.COMPLETED, 1)
    assert b.aside(ctx, "osv") == {}

    accepted = b.sync(ctx, "osv", without(50), accept_loss=True)
    assert (accepted.outcome, accepted.counts.tombstoned) == (Outcome.COMPLETED, 49)
    b.check_books(ctx, accepted)


def test_document_read_before_clears_a_refused_one(ctx: Context, tmp_path: Path) -> None:
    everything = b.many_osv(100)
    whole = b.zip_of(tmp_path / "whole.zip", everything)
    b.sync(ctx, "osv", whole)
    refused(ctx, b.zip_of(tmp_path / "half.zip", dict(list(everything.items())[50:])))
    assert b.sync(ctx, "osv", whole).outcome is Outcome.UNCHANGED
    assert b.aside(ctx, "osv") == {}


# Members that are bad


def test_members_with_a_path_outside_are_set_aside(ctx: Context, tmp_path: Path) -> None:
    names = [
        "../X-0009.json",
        "a/../../X-0010.json",
        "/X-0011.json",
        "/etc/X-0012.json",
        "..\\X-0013.json",
        "C:\\X-0014.json",
        "C:/X-0015.json",
        "a\\X-0016.json",
    ]
    odd = {name: b.osv(name.replace("\\", "/").rpartition("/")[2][:-5]) for name in names}
    report = synced_with(ctx, tmp_path, odd)
    assert report.counts.quarantined == len(names)
    assert b.reasons(ctx, "osv") == dict.fromkeys(names, "path-outside")
    assert not list(tmp_path.rglob("X-00*.json"))


def test_zip_bomb_is_not_inflated(ctx: Context, tmp_path: Path) -> None:
    bomb = json.loads(b.osv("X-0009")) | {"details": "0" * (40 << 20)}
    report = synced_with(ctx, tmp_path, {"X-0009.json": json.dumps(bomb).encode()})
    assert report.counts.quarantined == 1
    assert b.reasons(ctx, "osv") == {"X-0009.json": "zip-bomb"}


def test_member_over_the_size_limit_is_set_aside(ctx: Context, tmp_path: Path) -> None:
    folder = b.folder_of(tmp_path / "folder", GOOD)
    with (folder / "X-0009.json").open("wb") as file:
        file.truncate((64 << 20) + 1)
    report = b.sync(ctx, "osv", folder)
    b.check_books(ctx, report)
    assert b.reasons(ctx, "osv") == {"X-0009.json": "too-large"}


def test_encrypted_member_is_read_once_it_is_not_encrypted(ctx: Context, tmp_path: Path) -> None:
    entries = [(name.encode(), raw, 0) for name, raw in GOOD.items()]
    locked = b.raw_zip(tmp_path / "locked.zip", [*entries, (b"X-0009.json", b.osv("X-0009"), 1)])
    report = b.sync(ctx, "osv", locked)
    b.check_books(ctx, report)
    assert b.reasons(ctx, "osv") == {"X-0009.json": "encrypted"}
    opened = b.raw_zip(tmp_path / "opened.zip", [*entries, (b"X-0009.json", b.osv("X-0009"), 0)])
    second = b.sync(ctx, "osv", opened)
    b.check_books(ctx, second)
    assert (second.counts.new, second.counts.quarantined) == (1, 0)


def test_unknown_compression_is_read_once_it_is_known(ctx: Context, tmp_path: Path) -> None:
    lzma = b.zip_of(tmp_path / "lzma.zip", GOOD, method=zipfile.ZIP_LZMA)
    report = b.sync(ctx, "osv", lzma)
    b.check_books(ctx, report)
    assert set(b.reasons(ctx, "osv").values()) == {"compression"}
    second = b.sync(ctx, "osv", b.zip_of(tmp_path / "deflated.zip", GOOD))
    b.check_books(ctx, second)
    assert second.counts.new == 3


def test_damaged_member_is_read_once_it_is_whole(ctx: Context, tmp_path: Path) -> None:
    whole = b.raw_zip(tmp_path / "whole.zip", [(name.encode(), raw, 0) for name, raw in GOOD.items()])
    content = whole.read_bytes()
    at = content.index(b"What X-0002")
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content[:at] + b"w" + content[at + 1 :])
    report = b.sync(ctx, "osv", damaged)
    b.check_books(ctx, report)
    assert b.reasons(ctx, "osv") == {"X-0002.json": "damaged"}
    second = b.sync(ctx, "osv", whole)
    b.check_books(ctx, second)
    assert (second.counts.new, second.counts.unchanged) == (1, 2)


def test_symlink_in_a_folder_is_not_followed(ctx: Context, tmp_path: Path) -> None:
    folder = b.folder_of(tmp_path / "folder", GOOD)
    (tmp_path / "elsewhere.json").write_bytes(b.osv("X-0009"))
    (folder / "X-0009.json").symlink_to(tmp_path / "elsewhere.json")
    (folder / "X-0010.json").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(folder)
    report = b.sync(ctx, "osv", folder)
    b.check_books(ctx, report)
    assert b.reasons(ctx, "osv") == {"X-0009.json": "symlink", "X-0010.json": "symlink"}


def test_file_names_that_are_no_text_are_set_aside(ctx: Context, tmp_path: Path) -> None:
    folder = os.fsencode(b.folder_of(tmp_path / "folder", GOOD))
    names = [b"X-\xff.json", b"X-\xfe\\\xff.json", b"\\\xff/X-0007.json", b"X-\n\x01.json"]
    for name in names:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b.osv("X-0009"))
    report = b.sync(ctx, "osv", os.fsdecode(folder))
    b.check_books(ctx, report)
    assert report.counts.read == 7
    assert sorted(b.reasons(ctx, "osv").values()) == [
        "bad-name",
        "id-mismatch",
        "path-outside",
        "path-outside",
    ]


def test_zip_names_that_are_no_text_are_set_aside(ctx: Context, tmp_path: Path) -> None:
    entries = [(name.encode(), raw, 0) for name, raw in GOOD.items()]
    odd = [
        (b"X-\xff.json", b.osv("X-\xff"), 0),
        (b"X-a\0b.json", b.osv("X-ab"), 0),
        (b"X-\x1b[2J.json", b"{}", 0),
    ]
    report = b.sync(ctx, "osv", b.raw_zip(tmp_path / "odd.zip", [*entries, *odd]))
    b.check_books(ctx, report)
    assert report.counts.read == 6
    assert sorted(b.reasons(ctx, "osv").values()) == ["id-mismatch", "missing-id", "path-outside"]


def test_name_of_any_length_is_kept(ctx: Context, tmp_path: Path) -> None:
    # Names in a zip have up to 65,535 bytes; PostgreSQL's index rows have 2,704, and these do not compress.
    noise = random.Random(7).randbytes(16_000).hex()
    name = f"X-{noise}.json"
    report = synced_with(ctx, tmp_path, {name: b.osv(f"X-{noise}"), f"{noise}/X-0008.json": b"{}"})
    assert report.counts.quarantined >= 1


# Records that are bad


_UNUSABLE = [
    (b"", "not-json"),
    (b"id: X-0009", "not-json"),
    (b'{"id": "X-0009"', "not-json"),
    (b'{"id": "X-0009", "summary": "\xff"}', "not-json"),
    (b'{"id": "X-0009"}{"id": "X-0009"}', "not-json"),
    (b"[]", "wrong-type"),
    (b"null", "wrong-type"),
    (b'{"id": 9}', "wrong-type"),
    (b'{"id": "X-0009", "affected": "everything"}', "wrong-type"),
    (b'{"id": "X-0009", "aliases": [1, 2]}', "wrong-type"),
    (b'{"id": "X-0009", "affected": [{"package": "left-pad"}]}', "wrong-type"),
    (b'{"id": "X-0009", "modified": 1714557600}', "wrong-type"),
    (b"{}", "missing-id"),
    (b'{"id": " ,\x20"}', "missing-id"),
    (b'{"id": "X-0777"}', "id-mismatch"),
    (b'{"id": "X-0009", "affected": [{"package": {"name": "left-pad"}}]}', "missing-ecosystem"),
    (
        b'{"id": "X-0009", "affected": [{"package": {"ecosystem": "", "name": "left-pad"}}]}',
        "missing-ecosystem",
    ),
    (b'{"id": "X-0009", "database_specific": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001, "too-deep"),
]


def test_osv_records_that_cannot_be_used(ctx: Context, tmp_path: Path) -> None:
    odd = {f"X-{number:04}.json": entry for number, entry in enumerate(_UNUSABLE, start=100)}
    # Each calls itself by its own name, where it has one.
    raws = {name: raw.replace(b"X-0009", name[:-5].encode()) for name, (raw, _) in odd.items()}
    report = synced_with(ctx, tmp_path, raws)
    assert report.counts.quarantined == len(odd)
    kept = b.aside(ctx, "osv")
    assert {name: entry.reason for name, entry in kept.items()} == {
        name: why for name, (_, why) in odd.items()
    }
    with ctx.db.transaction() as conn:
        for name, entry in kept.items():
            assert (entry.record_id, entry.raw, entry.times) == (name[:-5], raws[name], 1)
            assert entry.detail
            assert queries.quarantined_bytes(conn, entry.id) == raws[name]
    replayed = commands.replay(ctx, "osv", None, lambda done, total: None)
    assert (replayed.read_well, len(replayed.still_bad)) == (0, len(odd))
    assert {reason for _, reason, _ in replayed.still_bad} == {reason for _, reason in _UNUSABLE}


def test_gitlab_records_that_cannot_be_used(ctx: Context, tmp_path: Path) -> None:
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n".encode() for n in range(9)
    )
    good = b.gitlab("npm/left-pad", "CVE-2024-0001")
    odd = {
        "npm/p/CVE-2024-0002.yml": (bomb, "not-yaml"),
        "npm/p/CVE-2024-0003.yml": (b"[" * 20_000, "too-deep"),
        "npm/p/CVE-2024-0004.yml": (b"a: [" + b"x," * 60_000 + b"]", "too-large"),
        "npm/p/CVE-2024-0005.yml": (b"identifier: [1]\n", "wrong-type"),
        "npm/p/CVE-2024-0006.yml": (b.gitlab("npm/other", "CVE-2024-0006"), "id-mismatch"),
        "npm/p/CVE-2024-0007.yml": (b"identifier: \x00\n", "not-yaml"),
        "npm/p/CVE-2024-0008.yml": (b"identifier: \xff\xfe\n", "not-yaml"),
        "npm/p/CVE-2024-0009.yml": (good + b"identifier: again\n", "duplicate-key"),
        "npm/p/CVE-2024-0010.yml": (b"!!python/object/apply:os.system ['true']\n", "wrong-type"),
        "npm/p/CVE-2024-0011.yml": (b"{}\n---\n{}\n", "not-yaml"),
        "npm/p/CVE-2024-0012.yml": (random.Random(2).randbytes(600_000).hex().encode(), "too-large"),
        "cpan/p/CVE-2024-0013.yml": (b.gitlab("cpan/p", "CVE-2024-0013"), "unknown-type"),
        "npm/p/CVE-2024-0014.yml": (b.gitlab("npm/p", "CVE-2024-0014", title='"\\ud800"'), "not-yaml"),
    }
    members = {f"root/{name}": raw for name, (raw, _) in odd.items()} | {
        "root/npm/left-pad/CVE-2024-0001.yml": good
    }
    report = b.sync(ctx, "gitlab", b.zip_of(tmp_path / "gitlab.zip", members))
    b.check_books(ctx, report)
    assert b.live(ctx, "gitlab") == {"npm/left-pad/CVE-2024-0001"}
    assert b.reasons(ctx, "gitlab") == {f"root/{name}": reason for name, (_, reason) in odd.items()}
    assert all(entry.raw == members[name] for name, entry in b.aside(ctx, "gitlab").items())


def test_cve_records_that_cannot_be_used(ctx: Context, tmp_path: Path) -> None:
    odd = {
        "CVE-2024-0002": (
            b'{"id": "CVE-2024-0002", "cvss": 5.0, "Modified": "2024-05-01"}',
            "foreign-schema",
        ),
        "CVE-2024-0003": (
            b'{"data_version": "4.0", "CVE_data_meta": {"ID": "CVE-2024-0003"}}',
            "foreign-schema",
        ),
        "CVE-2024-0004": (b.cve("CVE-2024-0004").replace(b'"5.1"', b'"6.0"'), "foreign-schema"),
        "CVE-2024-0005": (b.cve("CVE-2024-9999"), "id-mismatch"),
        "CVE-2024-0006": (b"{}", "missing-id"),
        "CVE-2024-0007": (b"[1]", "wrong-type"),
        "CVE-2024-0008": (b'{"cveMetadata": {"cveId": "CVE-2024-0008", "state": "PUBLISHED"}}', "wrong-type"),
        "CVE-2024-0009": (b'{"cveMetadata": ', "not-json"),
        "CVE-2024-0010": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "too-deep"),
    }
    members = {f"cves/2024/0xxx/{name}.json": raw for name, (raw, _) in odd.items()}
    members["cves/2024/0xxx/CVE-2024-0001.json"] = b.cve("CVE-2024-0001")
    report = b.sync(ctx, "cve", b.zip_of(tmp_path / "cve.zip", members))
    b.check_books(ctx, report)
    assert b.live(ctx, "cve") == {"CVE-2024-0001"}
    found = {entry.record_id: entry.reason for entry in b.aside(ctx, "cve").values()}
    assert found == {name: reason for name, (_, reason) in odd.items()}


def test_kev_entries_that_cannot_be_used(ctx: Context, tmp_path: Path) -> None:
    catalog_ = json.loads(
        b.kev("CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0002", "not a name", "CVE-2024-0003")
    )
    entries = catalog_["vulnerabilities"]
    entries[-1]["dateAdded"] = "yesterday"
    entries += [{}, 7, {"cveID": 5}, {"cveID": "CVE-2024-0004", "dateAdded": "0001-01-01"}]
    catalog_["count"] = len(entries)
    path = tmp_path / "kev.json"
    path.write_bytes(json.dumps(catalog_).encode())
    report = b.sync(ctx, "kev", path)
    b.check_books(ctx, report)
    assert report.counts.read == 9
    assert b.reasons(ctx, "kev") == {
        "#3": "id-mismatch",
        "#4": "bad-id",
        "CVE-2024-0003": "bad-date",
        "#6": "missing-id",
        "#7": "wrong-type",
        "#8": "wrong-type",
    }


def test_half_a_surrogate_in_one_kev_entry_does_not_stop_the_others(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "kev.json"
    path.write_bytes(
        b.kev("CVE-2024-0001", "CVE-2024-0002").replace(b"Apply updates.", b"Apply \\ud800 updates.", 1)
    )
    report = b.sync(ctx, "kev", path)
    assert report.outcome is Outcome.COMPLETED, report.error
    b.check_books(ctx, report)
    assert "CVE-2024-0002" in b.live(ctx, "kev")


# Records that are odd, and good


def test_record_of_one_megabyte_is_a_claim(ctx: Context, tmp_path: Path) -> None:
    noise = random.Random(3)
    # Distinct words, for a text of one word a million times is no test of anything.
    words = " ".join(noise.randbytes(6).hex() for _ in range(90_000))
    report = synced_with(
        ctx,
        tmp_path,
        {"X-0008.json": b.osv("X-0008", details=words), "X-0009.json": b.osv("X-0009", summary=words)},
    )
    assert report.counts.quarantined == 0
    assert b.finished(ctx, "X-0008")["details"] == words
    assert b.finished(ctx, "X-0009")["summary"] == words


def test_record_of_23000_versions_is_a_claim(ctx: Context, tmp_path: Path) -> None:
    versions = [f"1.{number // 100}.{number % 100}" for number in range(23_000)]
    affected = [{"package": {"ecosystem": "npm", "name": "many"}, "versions": versions}]
    report = synced_with(ctx, tmp_path, {"X-0009.json": b.osv("X-0009", affected=affected)})
    assert report.counts.quarantined == 0
    assert b.finished(ctx, "X-0009")["affected"][0]["versions"] == versions


def test_record_of_5000_packages_is_a_claim(ctx: Context, tmp_path: Path) -> None:
    affected = [
        {"package": {"ecosystem": "npm", "name": f"package-{number}"}, "versions": ["1"]}
        for number in range(5000)
    ]
    report = synced_with(ctx, tmp_path, {"X-0009.json": b.osv("X-0009", affected=affected)})
    assert report.counts.quarantined == 0
    with ctx.db.transaction() as conn:
        rows = conn.execute("SELECT count(*) FROM catalog.affected WHERE name LIKE 'package-____'").fetchone()
    assert rows is not None
    assert rows[0] == 4000


def test_names_too_long_for_an_index_do_not_stop_the_merge(ctx: Context, tmp_path: Path) -> None:
    noise = random.Random(5).randbytes(5000).hex()
    odd = {
        "X-0007.json": b.osv("X-0007", aliases=[f"Y-{noise}"]),
        "X-0008.json": b.osv(
            "X-0008", affected=[{"package": {"ecosystem": "npm", "name": noise}, "versions": ["1"]}]
        ),
        "X-0009.json": b.osv(
            "X-0009", affected=[{"package": {"ecosystem": noise, "name": "a"}, "versions": ["1"]}]
        ),
    }
    synced_with(ctx, tmp_path, odd)
    with ctx.db.transaction() as conn:
        assert catalog.stats(conn).dirty_claims == 0


_ODD_DATES = [
    ("0001-01-01T00:00:00Z", None, "0001-01-01T00:00:00Z", None),
    ("0001-01-01T00:00:00+14:00", None, "2024-05-01", "2024-05-01T00:00:00Z"),
    (
        "2024-05-01T10:00:00",
        "2024-05-01T10:00:00Z",
        "2024-05-01 10:00:00.123456",
        "2024-05-01T10:00:00.123456Z",
    ),
    ("9999-12-31T23:59:59-12:00", None, "not a date", None),
    (
        "0002-01-01T00:00:00Z",
        "0002-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999Z",
    ),
    ("", None, "2024-05-01T10:00:00.123456789Z", "2024-05-01T10:00:00.123456Z"),
]


def test_odd_dates(ctx: Context, tmp_path: Path) -> None:
    odd = {
        f"X-{number:04}.json": b.osv(f"X-{number:04}", published=published, modified=modified)
        for number, (published, _, modified, _) in enumerate(_ODD_DATES, start=100)
    }
    report = synced_with(ctx, tmp_path, odd)
    assert report.counts.quarantined == 0
    with ctx.db.transaction() as conn:
        for number, (_, published, _, modified) in enumerate(_ODD_DATES, start=100):
            found = catalog.get(conn, f"X-{number:04}")
            expected = [
                None if text is None else datetime.fromisoformat(text) for text in (published, modified)
            ]
            assert [found.published_at, found.modified_at] == expected
        # The pages of a search go by these dates.
        page, seen = catalog.search(conn, catalog.Filters(), limit=2), 0
        while page.next_cursor is not None:
            seen += len(page.hits)
            page = catalog.search(conn, catalog.Filters(), limit=2, cursor=page.next_cursor)
        assert seen + len(page.hits) == 9


ODD_TEXT = "a\x00b\x01\x1b[31mc\x7f\x85\u200b\u202e\ufeff\uffff\U0010ffff"


def test_control_characters_in_every_field(ctx: Context, tmp_path: Path) -> None:
    odd = {
        "X-0008.json": b.osv(
            "X-0008",
            summary=ODD_TEXT,
            details=ODD_TEXT,
            aliases=[f"CVE-2024-1{ODD_TEXT}", "\x00", "\x00CVE-2024-0008\x00"],
            upstream=[ODD_TEXT],
            related=[ODD_TEXT],
            severity=[{"type": "CVSS_V3", "score": ODD_TEXT}],
            affected=[
                {
                    "package": {"ecosystem": f"npm{ODD_TEXT}", "name": ODD_TEXT, "purl": ODD_TEXT},
                    "ranges": [{"type": "SEMVER", "repo": ODD_TEXT, "events": [{"introduced": ODD_TEXT}]}],
                    "versions": [ODD_TEXT],
                    "ecosystem_specific": {"severity": ODD_TEXT},
                    "database_specific": {"cwes": [ODD_TEXT]},
                }
            ],
            references=[{"type": "WEB", "url": f"https://example.org/{ODD_TEXT}"}],
            credits=[{"name": ODD_TEXT, "contact": [ODD_TEXT], "type": ODD_TEXT}],
            database_specific={"severity": ODD_TEXT, "cwe_ids": [ODD_TEXT]},
        ),
    }
    report = synced_with(ctx, tmp_path, odd)
    assert report.counts.quarantined == 0
    assert b.finished(ctx, "CVE-2024-0008")["summary"] == ODD_TEXT
    kept = b.claims(ctx, "osv")["X-0008"]
    assert kept.raw == odd["X-0008.json"]


def test_control_characters_in_the_other_sources(ctx: Context, tmp_path: Path) -> None:
    text = json.dumps(ODD_TEXT)
    kev = tmp_path / "kev.json"
    kev.write_bytes(
        b.kev("CVE-2024-0001", requiredAction=ODD_TEXT, notes=ODD_TEXT, shortDescription=ODD_TEXT)
    )
    member = "cves/CVE-2024-0001.json"
    record = b.cve(
        "CVE-2024-0001",
        title=ODD_TEXT,
        descriptions=[{"lang": "en", "value": ODD_TEXT}],
        affected=[
            {
                "vendor": ODD_TEXT,
                "product": ODD_TEXT,
                "packageName": ODD_TEXT,
                "collectionURL": ODD_TEXT,
                "cpes": [ODD_TEXT],
                "versions": [{"version": ODD_TEXT, "status": "affected", "versionType": ODD_TEXT}],
            }
        ],
        metrics=[{"cvssV3_1": {"vectorString": ODD_TEXT, "baseSeverity": ODD_TEXT}}],
        problemTypes=[{"descriptions": [{"cweId": ODD_TEXT, "description": ODD_TEXT}]}],
        references=[{"url": f"https://example.org/{ODD_TEXT}", "tags": [ODD_TEXT]}],
        credits=[{"value": ODD_TEXT, "type": ODD_TEXT}],
        source={"advisory": ODD_TEXT},
    )
    advisory = b.gitlab(
        "npm/p",
        "CVE-2024-0001",
        title=r'"a\0b\e\x01"',
        description=r'"\0"',
        solution=r'"\0"',
        identifiers=r'["CVE-2024-0001", "GHSA-\0x"]',
        affected_range=r'"<1.0\0"',
        urls=r'["https://example.org/\0"]',
        cvss_v3=r'"CVSS:3.1/\0"',
        credit=r'"\0"',
    )
    report = b.sync_all(
        ctx,
        {
            "kev": Request(origin=str(kev)),
            "cve": Request(origin=str(b.zip_of(tmp_path / "cve.zip", {member: record}))),
            "gitlab": Request(
                origin=str(b.zip_of(tmp_path / "gitlab.zip", {"root/npm/p/CVE-2024-0001.yml": advisory}))
            ),
        },
    )
    assert report.is_good, report
    for one in report.sources:
        b.check_books(ctx, one)
        assert (one.counts.new, one.counts.quarantined) == (1, 0)
    assert text


def test_lone_surrogates_become_replacement_characters(ctx: Context, tmp_path: Path) -> None:
    raw = b.osv("X-0009").replace(b"What X-0009", b"What \\ud800 and \\uDFFF and \\ud83d\\ude00")
    report = synced_with(ctx, tmp_path, {"X-0009.json": raw})
    assert report.counts.quarantined == 0
    assert b.finished(ctx, "X-0009")["summary"].startswith("What \ufffd and \ufffd and \U0001f600")
    assert b.claims(ctx, "osv")["X-0009"].raw == raw


# The same record more than once


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("second", ["X-0009.json", "other/X-0009.json"])
def test_newest_copy_of_a_record_stands(ctx: Context, tmp_path: Path, turned: bool, second: str) -> None:
    old = b.osv("X-0009", modified="2024-01-01T00:00:00Z", summary="old")
    new = b.osv("X-0009", modified="2024-06-01T00:00:00Z", summary="new")
    copies = [("X-0009.json", new), (second, old)] if turned else [("X-0009.json", old), (second, new)]
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "twice.zip", [*GOOD.items(), *copies]))
    b.check_books(ctx, report)
    assert (report.counts.read, report.counts.new, report.counts.quarantined) == (5, 4, 1)
    assert b.claims(ctx, "osv")["X-0009"].raw == new
    [kept] = b.aside(ctx, "osv").values()
    assert (kept.reason, kept.raw, kept.record_id) == ("duplicate-differs", old, "X-0009")
    replayed = commands.replay(ctx, None, None, lambda done, total: None)
    assert (replayed.read_well, len(replayed.still_bad)) == (0, 1)
    assert b.claims(ctx, "osv")["X-0009"].raw == new
    # Nothing changes when the copies change places.
    again = b.sync(ctx, "osv", b.zip_of(tmp_path / "turned.zip", [*GOOD.items(), *copies[::-1]]))
    b.check_books(ctx, again)
    assert (again.counts.new, again.counts.changed) == (0, 0)
    assert b.finished(ctx, "X-0009")["summary"] == "new"


@pytest.mark.parametrize("turned", [False, True])
def test_copies_without_dates_stand_in_an_order_of_their_own(
    ctx: Context, tmp_path: Path, turned: bool
) -> None:
    copies = [
        b.osv("X-0009", modified=None, published=None, summary=text) for text in ("one", "two", "three")
    ]
    kept = []
    for number, order in enumerate((copies, copies[::-1])):
        members = [(f"{place}/X-0009.json", raw) for place, raw in enumerate(order)]
        report = b.sync(ctx, "osv", b.zip_of(tmp_path / f"{number}.zip", members))
        b.check_books(ctx, report)
        kept.append(b.claims(ctx, "osv")["X-0009"].raw)
    assert kept[0] == kept[1]


def test_copies_that_are_the_same_bytes_are_duplicates(ctx: Context, tmp_path: Path) -> None:
    copies = [
        ("a/X-0009.json", b.osv("X-0009")),
        ("b/X-0009.json", b.osv("X-0009")),
        ("a/X-0009.json", b.osv("X-0009")),
    ]
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "thrice.zip", copies))
    b.check_books(ctx, report)
    assert (report.counts.read, report.counts.new, report.counts.quarantined) == (3, 1, 2)
    assert set(b.reasons(ctx, "osv").values()) == {"duplicate"}


def test_copy_that_cannot_be_read_leaves_the_other(ctx: Context, tmp_path: Path) -> None:
    good = b.osv("X-0009")
    copies = [("a/X-0009.json", b"{"), ("b/X-0009.json", good), ("../X-0009.json", good)]
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "copies.zip", copies))
    b.check_books(ctx, report)
    assert b.claims(ctx, "osv")["X-0009"].raw == good
    assert b.reasons(ctx, "osv") == {"a/X-0009.json": "not-json", "../X-0009.json": "path-outside"}


# EPSS


def scores(count: int, score: float = 0.5) -> dict[str, tuple[float, float]]:
    return {f"CVE-2024-{1000 + number}": (score, 0.9) for number in range(count)}


def write_epss(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def epss_in_force(ctx: Context) -> int:
    with ctx.db.transaction() as conn:
        row = conn.execute("SELECT count(*) FROM catalog.epss_scores").fetchone()
    assert row is not None
    return int(row[0])


def test_epss_rows_that_are_no_score_are_set_aside(ctx: Context, tmp_path: Path) -> None:
    odd = {
        "CVE-2024-9001,0.5": "wrong-shape",
        "CVE-2024-9002,0.5,0.5,0.5": "wrong-shape",
        "GHSA-xxxx-yyyy-zzzz,0.5,0.5": "bad-id",
        "CVE-2024-9003,much,0.5": "not-a-number",
        "CVE-2024-9004,1.5,0.5": "out-of-range",
        "CVE-2024-9005,nan,0.5": "out-of-range",
        "CVE-2024-9006,-0.1,0.5": "out-of-range",
        "CVE-2024-1000,0.1,0.1": "duplicate",
        "CVE-2024-\x009007,0.5,2": "out-of-range",
        "\x00\x01\x02": "wrong-shape",
    }
    path = write_epss(tmp_path / "epss.csv.gz", b.epss(scores(20), extra=odd))
    report = b.sync(ctx, "epss", path)
    assert report.outcome is Outcome.COMPLETED, report.error
    assert (report.counts.read, report.counts.quarantined) == (30, 10)
    found = b.aside(ctx, "epss")
    assert sorted(entry.reason for entry in found.values()) == sorted(odd.values())
    assert epss_in_force(ctx) == 20
    # The next day's file is good and clears them.
    report = b.sync(ctx, "epss", write_epss(tmp_path / "next.csv.gz", b.epss(scores(20), "2024-05-02")))
    assert report.outcome is Outcome.COMPLETED
    assert b.aside(ctx, "epss") == {}


def test_epss_without_date_or_header_is_refused(ctx: Context, tmp_path: Path) -> None:
    for content in (
        b"cve,epss,percentile\nCVE-2024-1000,0.5,0.5\n",
        b"#model_version:v1,score_date:someday\ncve,epss,percentile\nCVE-2024-1000,0.5,0.5\n",
        b"#model_version:v1,score_date:2024-05-01\nname,value\nCVE-2024-1000,0.5\n",
        b"<html>sign in</html>",
        b"",
        b"x" * 200_000,
    ):
        refused(ctx, write_epss(tmp_path / "epss.csv.gz", content), "epss")
    assert epss_in_force(ctx) == 0


def test_truncated_epss_changes_nothing(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "epss", write_epss(tmp_path / "first.csv.gz", b.epss(scores(2000))))
    cut = tmp_path / "cut.csv.gz"
    whole = gzip.compress(b.epss(scores(2000, 0.6), "2024-05-02"), mtime=0)
    cut.write_bytes(whole[: len(whole) // 2])
    refused(ctx, cut, "epss")
    assert epss_in_force(ctx) == 2000


def test_epss_that_lost_more_than_a_tenth_is_refused(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "epss", write_epss(tmp_path / "first.csv.gz", b.epss(scores(100))))
    for kept in (0, 1, 80):
        short = write_epss(tmp_path / f"{kept}.csv.gz", b.epss(scores(kept, 0.6), "2024-05-02"))
        assert refused(ctx, short, "epss").outcome is Outcome.REFUSED
        assert epss_in_force(ctx) == 100
    assert b.sync(ctx, "epss", tmp_path / "80.csv.gz", accept_loss=True).outcome is Outcome.COMPLETED
    assert epss_in_force(ctx) == 80
    assert b.aside(ctx, "epss") == {}


# Quarantine


def test_replay_after_the_reader_was_mended(ctx: Context, tmp_path: Path) -> None:
    source = ctx.sources["osv"]
    assert isinstance(source, RecordSource)

    def broken(record_id: str, raw: bytes) -> object:
        if record_id == "X-0002":
            raise ZeroDivisionError("a bug of ours")
        return source.read(record_id, raw)

    breaking = replace(ctx, sources=dict(ctx.sources) | {"osv": replace(source, read=broken)})  # type: ignore[arg-type]
    path = b.zip_of(tmp_path / "some.zip", GOOD | {"X-0009.json": b"{"})
    report = b.sync(breaking, "osv", path)
    b.check_books(ctx, report)
    assert b.reasons(ctx, "osv") == {"X-0002.json": "reader-failed", "X-0009.json": "not-json"}
    assert "ZeroDivisionError: a bug of ours" in b.aside(ctx, "osv")["X-0002.json"].detail

    replayed = commands.replay(ctx, "osv", None, lambda done, total: None)
    assert (replayed.read_well, replayed.merged.added) == (1, 1)
    assert [entry[1] for entry in replayed.still_bad] == ["not-json"]
    assert b.reasons(ctx, "osv") == {"X-0009.json": "not-json"}
    assert b.finished(ctx, "X-0002")["summary"] == "What X-0002 is about"
    # The books are right afterwards too, with the document as before and with another.
    b.check_books(ctx, b.sync(ctx, "osv", path))
    report = b.sync(
        ctx,
        "osv",
        b.zip_of(tmp_path / "more.zip", GOOD | {"X-0009.json": b"{", "X-0010.json": b.osv("X-0010")}),
    )
    b.check_books(ctx, report)
    assert (report.counts.new, report.counts.unchanged) == (1, 3)


def test_replay_of_some_by_number_and_of_what_is_not_kept(ctx: Context, tmp_path: Path) -> None:
    synced_with(ctx, tmp_path, {"X-0008.json": b"{", "../X-0009.json": b.osv("X-0009")})
    found = b.aside(ctx, "osv")
    replayed = commands.replay(ctx, None, [found["../X-0009.json"].id], lambda done, total: None)
    assert replayed.read_well == 0
    [(key, reason, detail)] = replayed.still_bad
    assert (key, reason) == (found["../X-0009.json"].id, "path-outside")
    assert "its bytes were not kept" in detail


def test_drop_forgets_what_is_named(ctx: Context, tmp_path: Path) -> None:
    synced_with(ctx, tmp_path, {"X-0008.json": b"{", "X-0009.json": b"["})
    found = b.aside(ctx, "osv")
    with ctx.db.transaction() as conn:
        assert commands.drop(conn, [found["X-0008.json"].id, 999_999]) == 1
    assert set(b.aside(ctx, "osv")) == {"X-0009.json"}
    # Read in full again, it comes back.
    report = b.sync(ctx, "osv", tmp_path / "some.zip", full=True)
    b.check_books(ctx, report)
    assert set(b.aside(ctx, "osv")) == {"X-0008.json", "X-0009.json"}


def test_record_that_reads_well_again_leaves_the_quarantine(ctx: Context, tmp_path: Path) -> None:
    synced_with(ctx, tmp_path, {"X-0008.json": b"{", "X-0009.json": b"["})
    report = synced_with(ctx, tmp_path, {"X-0008.json": b.osv("X-0008"), "X-0009.json": b"["})
    assert (report.counts.new, report.counts.quarantined) == (1, 1)
    assert b.reasons(ctx, "osv") == {"X-0009.json": "not-json"}
    # A record that is gone leaves it too.
    synced_with(ctx, tmp_path, {"X-0008.json": b.osv("X-0008")})
    assert b.aside(ctx, "osv") == {}


def test_good_record_that_turns_bad_keeps_its_claim(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "good.zip", GOOD))
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "bad.zip", GOOD | {"X-0002.json": b"{"}))
    assert (report.counts.unchanged, report.counts.quarantined, report.counts.tombstoned) == (2, 1, 0)
    assert b.live(ctx, "osv") == {"X-0001", "X-0002", "X-0003"}
    assert b.claims(ctx, "osv")["X-0002"].raw == GOOD["X-0002.json"]


def test_real_records_with_one_byte_wrong_never_stop_a_sync(ctx: Context, tmp_path: Path) -> None:
    """Bit rot, in every source: whatever it makes of a record, the batch goes on and nothing gets lost."""
    dice = random.Random(20240501)
    requests = {}
    for name in ("osv", "gitlab", "cve"):
        with zipfile.ZipFile(b.ORIGINS[name]) as archive:
            members = dice.sample(archive.namelist(), 60)
            rotten = {member: _rotten(archive.read(member), dice) for member in members}
        requests[name] = Request(origin=str(b.zip_of(tmp_path / f"{name}.zip", rotten)))
    report = b.sync_all(ctx, requests)
    assert report.is_good, report
    for one in report.sources:
        b.check_books(ctx, one)
        assert one.counts.read == 60
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


def _rotten(raw: bytes, dice: random.Random) -> bytes:
    content = bytearray(raw)
    for _ in range(dice.choice((1, 1, 3, 20))):
        content[dice.randrange(len(content))] = dice.choice(b'\0\xff"{}[],:0\n \\a-')
    return bytes(content)


def test_a_file_of_another_source_is_refused(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "kev.json"
    path.write_bytes(b.kev("CVE-2024-0001"))
    report = b.sync(ctx, "gitlab", path)
    assert report.outcome is Outcome.REFUSED
    assert "kev.json is no record of it" in (report.error or "")
