"""The dictionary, gathered from a catalog that changes."""

import pytest

from assay.bootstrap import Context
from assay.catalog.model import MERGE_LOCK, Claim, Product
from assay.domain.osv import Affected, Package, Reference
from assay.errors import Transient
from assay.pipelines.feeds.model.names import Clue, Known
from assay.pipelines.feeds.store import names as store
from assay.pipelines.feeds.tasks.naming import Dictionary, gather
from factories import a_claim, drop, reading_claims, take


def a_cve(number: int, *, vendor: str = "Acme Corp.", product: str = "Rocket Server") -> Claim:
    """What the CVE list says of one product."""
    return a_claim(
        f"CVE-2026-{number}",
        source="cve",
        details=f"A vulnerability in {vendor} {product} before 1.2 allows reading of files.",
        products=(Product(vendor=vendor, product=product),),
        references=(Reference("WEB", "https://security.acme.example/a"),),
    )


def a_package(name: str, repository: str) -> Claim:
    """What an OSV source says of one package."""
    return a_claim(
        "GHSA-aaaa-bbbb-cccc",
        affected=(Affected(package=Package(ecosystem="Packagist", name=name)),),
        references=(Reference("PACKAGE", repository),),
    )


def held(ctx: Context) -> tuple[set[Known], set[Clue]]:
    """What the room holds of names and clues."""
    with ctx.db.transaction() as conn:
        return set(store.load_names(conn)), set(store.load_clues(conn))


@pytest.fixture
def reading(ctx: Context) -> Context:
    """A context whose sources are read as claims are written in tests."""
    return reading_claims(ctx)


def test_what_is_gathered_bit_by_bit_is_what_is_gathered_at_once(reading: Context) -> None:
    gone = a_cve(1002, product="Rocket Client")
    take(reading, a_cve(1001), gone, a_cve(1004, vendor="Tyrell", product="Owl"))
    assert gather(reading) == 3
    take(
        reading,
        a_cve(1001, product="Rocket Server Pro"),
        a_cve(1003, vendor="Umbrella"),
        a_package("hive/queen", "https://github.com/hive-labs/queen.git"),
    )
    drop(reading, [gone])
    assert gather(reading) == 4
    bit_by_bit = held(reading)
    assert {(row.vendor, row.product, row.claims) for row in bit_by_bit[0]} >= {
        ("acme", "rocket server pro", 1),
        ("umbrella", "rocket server", 1),
        ("hive", "queen", 1),
        ("hive labs", "queen", 1),
        ("tyrell", "owl", 1),
    }
    assert ("acme", "rocket server") not in {(row.vendor, row.product) for row in bit_by_bit[0]}
    assert ("host:security.acme.example", "umbrella") in {(row.clue, row.vendor) for row in bit_by_bit[1]}
    gather(reading, anew=True)
    assert held(reading) == bit_by_bit


def test_nothing_is_read_again_while_nothing_changed(reading: Context) -> None:
    take(reading, a_cve(1001))
    assert gather(reading) == 1
    assert gather(reading) == 0


def test_a_catalog_that_was_emptied_is_gathered_anew(reading: Context) -> None:
    take(reading, a_cve(1001))
    gather(reading)
    with reading.db.transaction() as conn:
        store.set_gathered(conn, 10_000, reading.clock())
    assert gather(reading) == 1
    assert {row.claims for row in held(reading)[0]} == {1}


def test_names_are_not_gathered_while_a_merge_is_under_way(reading: Context) -> None:
    with reading.db.connection(autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s::bigint)", (MERGE_LOCK,))
        with pytest.raises(Transient, match="being merged"):
            gather(reading, patience=0.01)
        conn.execute("SELECT pg_advisory_unlock(%s::bigint)", (MERGE_LOCK,))
    assert gather(reading) == 0


def test_the_dictionary_at_hand_is_read_again_only_after_it_was_gathered_again(reading: Context) -> None:
    at_hand = Dictionary()
    with reading.db.transaction() as conn:
        assert len(at_hand.names(conn)) == 0
    take(reading, a_cve(1001))
    gather(reading)
    with reading.db.transaction() as conn:
        first = at_hand.names(conn)
        assert first.shown("acme") == "Acme Corp."
        assert at_hand.names(conn) is first
    take(reading, a_cve(1002, vendor="Umbrella"))
    gather(reading)
    with reading.db.transaction() as conn:
        assert "umbrella" in at_hand.names(conn).vendors
