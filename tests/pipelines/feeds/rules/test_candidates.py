"""Where sentences of advisories name something, and what a text may be about."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.model.names import Known
from assay.pipelines.feeds.rules.candidates import find_candidates, quotes_of, read_link
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.rules.phrases import Way


def prose(body: str, title: str = "CVE-2026-1", links: tuple[str, ...] = ()) -> Prose:
    """A text as entries have it."""
    return Prose(text=f"{title}\n\n{body}", title_end=len(title), links=links)


@pytest.mark.parametrize(
    ("body", "product"),
    [
        (
            "Buffer Overflow vulnerability in the get_var function in parser.c in NanoMQ 0.21.7 allows attackers",
            "nanomq",
        ),
        ("The Revslider plugin for WordPress is vulnerable to Stored Cross-Site Scripting", "revslider"),
        (
            "The ReviewX \u2013 Multi-criteria Rating & Reviews for WooCommerce plugin for WordPress is vulnerable",
            "reviewx multi criteria rating reviews for woocommerce",
        ),
        (
            "Missing Authorization vulnerability in Foo. This issue affects Everest Forms: from n/a through 2.0.3.",
            "everest forms",
        ),
        ("aiohttp is an asynchronous HTTP client/server framework for asyncio and Python.", "aiohttp"),
        (
            "SQL Injection vulnerability in phpgurukul Cyber Cafe Management System 1.0 allows",
            "cyber cafe management system",
        ),
        (
            "allows remote attackers to execute arbitrary code on affected installations of KeyShot Viewer.",
            "keyshot viewer",
        ),
        ("Netgear R6850 1.1.0.88 was discovered to contain a command injection", "r6850 firmware"),
        ("Cross-site Scripting (XSS) - Stored in mindsdb/mindsdb prior to 1.2", "mindsdb mindsdb"),
    ],
)
def test_sentences_name_products(body: str, product: str) -> None:
    assert product in find_candidates(prose(body), Names()).products


def test_what_a_phrase_has_before_a_product_that_the_text_names_is_its_vendor() -> None:
    body = "XSS vulnerability in Tips and Tricks HQ Stripe Payments. This issue affects Stripe Payments: from 1.0."
    vendors = find_candidates(prose(body), Names()).vendors
    assert vendors["tips and tricks hq"].ways & Way.REST


def test_a_known_maker_and_the_host_of_a_link_are_candidates_that_stand_nowhere_in_the_text() -> None:
    names = Names(
        [Known("fortinet", "fortios", "Fortinet", "FortiOS", 3), Known("acme", "rocket", "Acme", "Rocket", 1)]
    )
    found = find_candidates(
        prose("A flaw in FortiOS before 7.2.", links=("https://www.acme.example/a",)), names
    )
    assert found.vendors["fortinet"].ways & Way.MADE_BY
    assert quotes_of(found.words, found.vendors["fortinet"]) == ()
    assert found.vendors["acme"].ways & Way.HOST


def test_links_tell_repositories_plugins_and_advisories() -> None:
    link = read_link("https://github.com/Owner/repo.git/security/advisories/GHSA-aaaa-bbbb-cccc")
    assert (link.owner, link.repository, link.is_advisory) == ("Owner", "repo", True)
    assert read_link("https://github.com/advisories/GHSA-aaaa-bbbb-cccc").owner == ""
    assert (
        read_link("https://plugins.trac.wordpress.org/browser/woo-checkout/trunk/a.php").slug
        == "woo-checkout"
    )
    assert read_link("https://[broken").host == ""


def test_quotes_are_the_places_of_the_name_however_it_is_written() -> None:
    found = find_candidates(prose("A flaw in PAN-OS before 10.1. Pan OS 9 is not affected."), Names())
    quoted = [
        found.words.text[quote.start : quote.end]
        for quote in quotes_of(found.words, found.products["pan os"])
    ]
    assert quoted == ["PAN-OS", "Pan OS"]


@pytest.mark.parametrize(
    ("title", "product"),
    [
        ("[pubnub] pubnub 4.1 crashes", "pubnub"),
        ("[pubnub] pubnub before 7.4.0 leaks keys", "pubnub"),
        ("[SECURITY] [DSA 1234-1] foo security update", "foo"),
        ("[oss-security] CVE-2026-1234: Acme Rocket: files can be read", "acme rocket"),
        ("Re: [FD] Acme Rocket (Pro) 1.2 shows files", "acme rocket pro"),
        ("[acme/rocket] Code execution", "acme rocket"),
        ("Security update available for Acme Rocket", "acme rocket"),
    ],
)
def test_brackets_before_a_title_are_no_part_of_a_name(title: str, product: str) -> None:
    found = find_candidates(Prose(text=f"{title}\n\nA text.", title_end=len(title)), Names())
    assert product in found.products
    assert not {"dsa", "oss security", "fd", "pubnub pubnub"} & found.products.keys()


@given(
    st.lists(
        st.sampled_from(["[", "]", "(", ")", " ", "Acme", "Rocket", "1.2", "before", "in", ": "]), max_size=24
    )
)
def test_no_candidate_has_a_bracket_without_its_other_half(pieces: list[str]) -> None:
    title = "".join(pieces)
    names = Names([Known("acme", "acme rocket", "Acme", "Acme Rocket", 3)])
    found = find_candidates(Prose(text=f"{title}\n\nA flaw in {title} 2.0.", title_end=len(title)), names)
    for candidate in (*found.vendors.values(), *found.products.values()):
        for quote in quotes_of(found.words, candidate):
            written = found.words.text[quote.start : quote.end]
            for _ in range(len(written)):
                written = re.sub(r"\[[^][()]*\]|\([^][()]*\)", "", written)
            assert not set("[]()") & set(written)
