"""What the OSV words promise: nothing that they name changes on the way through."""

import pickle

import msgspec
import pytest

from assay.domain.osv import EVENT_KINDS, SCHEMA_VERSION, Affected, Document, Event, Package, Range

WRITTEN = {
    "schema_version": SCHEMA_VERSION,
    "id": "GHSA-jf66-3q76-h5p5",
    "modified": "2024-01-02T03:04:05Z",
    "published": "2024-01-01T00:00:00Z",
    "aliases": ["CVE-2024-3014"],
    "summary": "A summary",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "example", "purl": "pkg:pypi/example"},
            "ranges": [
                {
                    "type": "ECOSYSTEM",
                    "events": [{"introduced": "0"}, {"fixed": "1.2"}],
                    "database_specific": {"last_known": [1, 2.50, None]},
                }
            ],
            "versions": ["1.0", "1.1"],
            "ecosystem_specific": {"imports": [{"path": "example", "symbols": None}]},
            "database_specific": {"source": "https://example.org/1"},
        },
        {"ranges": [{"type": "GIT", "repo": "https://example.org/r.git", "events": [{"introduced": "0"}]}]},
    ],
    "references": [{"type": "FIX", "url": "https://example.org/fix"}],
    "credits": [{"name": "A. Finder", "type": "FINDER", "contact": ["https://example.org/a"]}],
    "database_specific": {"deep": {"er": [True]}},
}


def test_a_document_is_written_as_it_was_read():
    read = msgspec.json.decode(msgspec.json.encode(WRITTEN), type=Document)
    assert msgspec.json.decode(msgspec.json.encode(read)) == WRITTEN


def test_what_is_free_passes_through_as_its_bytes():
    raw = b'{"database_specific":{ "a" : 1.50e+2, "b":"\\u00e9" }}'
    assert msgspec.json.encode(msgspec.json.decode(raw, type=Affected)) == raw


def test_what_is_absent_is_not_written():
    assert msgspec.json.encode(Affected(package=Package(ecosystem="Go", name="x"))) == (
        b'{"package":{"ecosystem":"Go","name":"x"}}'
    )
    read = msgspec.json.decode(b"{}", type=Affected)
    assert (read.ecosystem_specific, read.database_specific, Range().database_specific) == (None, None, None)


def test_it_survives_the_way_to_another_process():
    entry = msgspec.json.decode(msgspec.json.encode(WRITTEN), type=Document).affected[0]
    copy = pickle.loads(pickle.dumps(entry))
    assert copy == entry
    assert msgspec.json.encode(copy) == msgspec.json.encode(entry)


def test_unknown_keys_are_dropped():
    assert msgspec.json.decode(
        b'{"package":{"ecosystem":"Go","name":"x","new":[1]},"later":{}}', type=Affected
    ) == (Affected(package=Package(ecosystem="Go", name="x")))


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_every_kind_of_event_is_a_field_of_it(kind: str):
    event = msgspec.json.decode(msgspec.json.encode({kind: "1"}), type=Event)
    assert getattr(event, kind) == "1"
    assert msgspec.to_builtins(event) == {kind: "1"}
