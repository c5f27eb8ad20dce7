"""When two names are the same, and the dictionary of those that the catalog knows."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.model.names import Clue, Known
from assay.pipelines.feeds.rules.names import Names, package_row, plain, plain_vendor, rows_of
from assay.pipelines.feeds.rules.words import Words

ROWS = [
    Known("microsoft", "windows", "Microsoft", "Windows", 5),
    Known("microsoft", "windows server 2019", "Microsoft", "Windows Server 2019", 3),
    Known("palo alto networks", "pan os", "Palo Alto Networks", "PAN-OS", 2),
    Known("palo alto networks", "pan os", "palo_alto_networks", "pan-os", 1),
    Known("", "requests", "PyPI", "requests", 4),
]
CLUES = [
    Clue("host:msrc.microsoft.com", "microsoft", "windows", 4),
    Clue("host:msrc.microsoft.com", "microsoft", "office", 1),
    Clue("words:patch tuesday", "microsoft", "windows", 1),
]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Microsoft Corporation", "microsoft"),
        ("Acme Co., Ltd.", "ACME"),
        ("Jablotron s.r.o.", "jablotron"),
        ("The Apache Software Foundation", "Apache Software"),
        ("Trend Micro, Inc.", "trend_micro"),
        ("Juniper® Networks", "juniper networks"),
        ("Intel(R)", "Intel"),
        ("Unisoc (Shanghai) Technologies Co., Ltd.", "unisoc shanghai technologies"),
    ],
)
def test_vendors_that_are_the_same(one: str, other: str) -> None:
    assert plain_vendor(one) == plain_vendor(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("linux_kernel", "Linux Kernel"),
        (r"s\@m_cms", "S@M CMS"),
        ("AMD Ryzen™ 6000", "amd ryzen 6000"),
        ("PAN-OS", "pan_os"),
    ],
)
def test_products_that_are_the_same(one: str, other: str) -> None:
    assert plain(one) == plain(other)


def test_a_vendor_that_is_only_a_legal_form_keeps_it() -> None:
    assert plain_vendor("Inc") == "inc"
    assert plain_vendor("The") == "the"


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_what_is_normalised_stays_as_it_is(name: str) -> None:
    assert plain(plain(name)) == plain(name)


@given(
    st.lists(
        st.sampled_from(["acme", "inc", "co", "ltd", "s", "r", "o", "a", "rocket", "foundation"]), max_size=6
    )
)
def test_no_legal_form_is_left_behind_a_vendor(words: list[str]) -> None:
    left = plain_vendor(" ".join(words))
    assert plain_vendor(f"{left} inc") == left or not left


def test_packages_are_named_by_their_owner_where_their_ecosystem_has_one() -> None:
    assert package_row("Packagist", "symfony/http-kernel")[:2] == ("symfony", "http kernel")
    assert package_row("npm", "@angular/core")[:2] == ("angular", "core")
    assert package_row("Go", "github.com/owner/repo.git/v2")[:2] == ("owner", "repo")
    assert package_row("Maven", "org.apache.tomcat:tomcat")[:2] == ("", "tomcat")
    assert package_row("PyPI", "requests") == ROWS[4]._replace(claims=1)


def test_the_longest_name_is_found_and_never_across_a_full_stop() -> None:
    names = Names(ROWS)
    text = "Reported in Windows Server 2019 and PAN-OS. Windows. Server 2019"
    words = Words(Prose(text=text, title_end=0))
    found = [words.written(*place) for place in names.longest_matches(words.low, words.joined)]
    assert found == ["Windows Server 2019", "PAN-OS", "Windows"]


def test_the_spelling_that_most_claims_use_is_shown() -> None:
    names = Names(ROWS)
    assert names.shown("pan os") == "PAN-OS"
    assert names.shown("palo alto networks") == "Palo Alto Networks"
    assert names.shown("nobody") is None
    assert names.knows_vendor("paloalto networks")
    assert not names.knows_vendor("umbrella")


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(dice: random.Random) -> None:
    rows, clues = list(ROWS), list(CLUES)
    dice.shuffle(rows)
    dice.shuffle(clues)
    one, other = Names(ROWS, CLUES), Names(rows, clues)
    assert one.vendors == other.vendors
    assert one.products == other.products
    assert [one.shown(name) for name in (*one.vendors, *one.products)] == [
        other.shown(name) for name in (*one.vendors, *one.products)
    ]
    assert one.vendors_by("host:msrc.microsoft.com").best(3) == other.vendors_by(
        "host:msrc.microsoft.com"
    ).best(3)
    assert one.products_by("host:msrc.microsoft.com").best(3) == ["windows", "office"]


def test_spellings_are_counted_together_and_placeholders_left_out() -> None:
    (row,) = rows_of({("Acme Inc.", "Rocket"): 1, ("ACME", "rocket"): 3, ("", ""): 7})
    assert row == Known("acme", "rocket", "ACME", "rocket", 4)
