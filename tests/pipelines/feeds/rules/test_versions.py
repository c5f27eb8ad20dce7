"""Ranges of versions in prose; each text is one of a real record, or a real one with the names changed."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.pipelines.feeds.rules.versions import ranges


def told(text):
    """Each range as people write it."""
    shown = []
    for one in ranges(text):
        if one.exact:
            shown.append(f"={one.exact}")
            continue
        lower = f"{one.introduced}.." if one.introduced else ".."
        shown.append(lower + (f"<{one.fixed}" if one.fixed else one.last_affected or ""))
    return shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Medialist WordPress plugin before 1.4.1 does not validate", ["..<1.4.1"]),
        ("NULL Pointer Dereference in GitHub repository gpac/gpac prior to 2.3-DEV.", ["..<2.3-DEV"]),
        ("Supported versions that are affected are Prior to 7.0.16. Easily exploitable", ["..<7.0.16"]),
        ("All versions earlier than v12.4 are affected", ["..<12.4"]),
        ("in all versions up to, and including, 9.9 due to insufficient escaping", ["..9.9"]),
        ("Versions up to (including) 2.20.10 use the component", ["..2.20.10"]),
        ("versions up to (excluding) 4.2 are affected", ["..<4.2"]),
        ("Adobe Experience Manager versions 6.5.20 and earlier are affected by", ["..6.5.20"]),
        ("Supported versions that are affected are 8.0.31 and prior.", ["..8.0.31"]),
        ("Cross-Site Scripting (XSS) vulnerability in Simple Vimeo plugin <= 2.9.1 versions.", ["..2.9.1"]),
        ("This issue affects Points and Rewards: from n/a through 1.5.0.", ["..1.5.0"]),
        ("Apache Guacamole 0.9.10 through 1.5.1 may continue to reference", ["0.9.10..1.5.1"]),
        (
            "Starting in version 4.9.0 and prior to versions 4.13.40 and 5.3.4, when",
            ["4.9.0..<4.13.40", "..<5.3.4"],
        ),
        (
            "3.x before 3.2.20, 4.0.x before 4.0.11, and 4.1.x before 4.1.7",
            ["3..<3.2.20", "4.0..<4.0.11", "4.1..<4.1.7"],
        ),
        ("Supported versions that are affected are 12.2.3-12.2.13.", ["12.2.3..12.2.13"]),
        ("`<=1.3.13 || >=1.4.0 <=1.4.6`", ["..1.3.13", "1.4.0..1.4.6"]),
        ("affected: >= 1.2.0, < 1.4.0", ["1.2.0..<1.4.0"]),
        ("between 1.0 and 2.0", ["1.0..2.0"]),
        ("This has been patched in version 3.1.4.", ["..<3.1.4"]),
        ("Users are advised to upgrade to Apache InLong's 1.7.0 or cherry-pick", ["..<1.7.0"]),
        ("Contao versions 4.13.40 and 5.3.4 have a patch for this issue.", ["..<4.13.40", "..<5.3.4"]),
        ("is fixed in Nomad 1.7.4, 1.6.7, and 1.5.14.", ["..<1.7.4", "..<1.6.7", "..<1.5.14"]),
        ("fixed in macOS Sonoma 14.5, iOS 17.5 and iPadOS 17.5.", ["..<14.5", "..<17.5"]),
        (
            "Update to TYPO3 versions 9.5.48 ELTS, 10.4.45 ELTS, 12.4.15 LTS that fix",
            ["..<9.5.48", "..<10.4.45", "..<12.4.15"],
        ),
        (
            "upgrade to version 11.0.0-M11 onwards, 10.1.16 onwards or 8.5.96 onwards",
            ["..<11.0.0-M11", "..<10.1.16", "..<8.5.96"],
        ),
        ("Patches\n2.3.4", ["..<2.3.4"]),
        ("Fixed versions: 1.2.3, 1.3.1", ["..<1.2.3", "..<1.3.1"]),
        ("Affected versions: curl 6.0 to and including curl 7.4", ["6.0..7.4"]),
        ("introduced in version 1.1 and fixed in 1.4", ["1.1..<1.4"]),
        ("A vulnerability was found in Tenda W9 1.0.0.7(4456). It affects", ["=1.0.0.7(4456)"]),
        ("affected are Java SE: 6u171, 7u161 and 8u152; it is vulnerable", ["=6u171", "=7u161", "=8u152"]),
        ("All versions of Foo are affected.", ["0.."]),
    ],
)
def test_ranges(text, expected):
    assert told(text) == expected


def test_the_kernels_announcement():
    text = (
        "Issue introduced in 2.6.12 with commit 1da177e4c3f41524e886b7f1b8a0c1fc7321cac2 and fixed in 5.10.90 with "
        "commit d01e9ce1af6116f812491d3d3873d204f10ae0b8"
    )
    assert told(text) == ["2.6.12..<5.10.90"]


@pytest.mark.parametrize(
    "text",
    [
        "CVSS 3.1 Base Score 7.5 (Availability impacts). CVSS Vector: (CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H).",
        "It was reported on May 19, 2026 and 2024-05-19, score: 9.8.",
        "A heap overflow of 16 bytes after 30 seconds on 64-bit systems, 1.5 GB of memory and 100% CPU.",
        "Tested on Windows 10 and Ubuntu 22.04 with TLS 1.2 over HTTP/1.1 (RFC 7230, section 3.3).",
        "See https://example.org/releases/tag/v1.2.3 and CWE-79.",
        "```\nfoo before 1.2.3\n```",
    ],
)
def test_numbers_that_are_no_versions_of_the_product(text):
    assert told(text) == []


def test_what_is_not_affected_is_left_out_and_ends_the_range():
    text = (
        "- Affected versions: curl 8.11.0 to and including 8.20.0\n"
        "- Not affected versions: curl < 8.11.0 and >= 8.21.0"
    )
    (one,) = ranges(text)
    assert (one.introduced, one.fixed, one.last_named) == ("8.11.0", "8.21.0", "8.20.0")
    assert one.confidence > 0.95


def test_each_product_has_its_range():
    found = {one.product: one.fixed for one in ranges("This affects Firefox < 128 and Thunderbird < 115.13.")}
    assert found == {"Firefox": "128", "Thunderbird": "115.13"}


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                "before",
                "1.2.3",
                "v2",
                "2.x",
                "and",
                "earlier",
                ",",
                "through",
                "from",
                "to",
                "fixed in",
                "<=",
                ">=",
                "Foo",
                "\n",
                ".",
                "(",
                "2024-05-01",
                "versions",
                "-",
                "including",
            ]
        ),
        max_size=30,
    )
)
@example(["from", "1.2.3", "to"])
def test_every_version_of_a_range_stands_in_its_quotes(words):
    text = " ".join(words)
    for one in ranges(text):
        quoted = " ".join(text[quote.start : quote.end] for quote in one.quotes)
        assert all(0 <= quote.start < quote.end <= len(text) for quote in one.quotes)
        for version in (one.introduced, one.fixed, one.last_affected, one.exact):
            assert version is None or version in quoted
        assert one.fixed is None or one.last_affected is None
        assert 0 < one.confidence < 1


@settings(max_examples=60)
@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(["before {}", "{} and earlier", "fixed in {}", "<= {}"]),
)
def test_the_version_is_read_as_it_is_written(major, minor, form):
    version = f"{major}.{minor}.1"
    (one,) = ranges("Foo " + form.format(version) + " is affected.")
    assert version in {one.fixed, one.last_affected}
