"""What may be watched, as a person writes it and as lines of CSV."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import BadRecord
from assay.pipelines.feeds.model.products import Refused, Wanted
from assay.pipelines.feeds.rules.wanting import read_csv, read_wanted


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ({"vendor": "  Apache ", "product": "HTTP\tServer"}, Wanted("Apache", "HTTP Server")),
        ({"vendor": "Fortinet", "product": " "}, Wanted("Fortinet")),
        ({"product": "Log4j", "note": " x "}, Wanted(product="Log4j", note="x")),
        ({"purl": "pkg:npm/lodash@4.17.20"}, Wanted(purl="pkg:npm/lodash")),
        ({"purl": "pkg:pypi/Flask_Login"}, Wanted(purl="pkg:pypi/flask-login")),
        (
            {"purl": "pkg:deb/debian/openssl@3.0?arch=amd64&distro=bookworm"},
            Wanted(purl="pkg:deb/debian/openssl?distro=debian-12"),
        ),
    ],
)
def test_what_may_be_watched(given_, wanted):
    read = read_wanted(**given_)
    assert read == wanted
    assert read_wanted(*read) == read


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        ({}, "no-name"),
        ({"vendor": " ", "note": "x"}, "no-name"),
        ({"vendor": "n/a"}, "bad-name"),
        ({"product": "---"}, "bad-name"),
        ({"vendor": "a\x00b"}, "bad-name"),
        ({"vendor": "M\ufffdller"}, "bad-name"),
        ({"product": "x" * 301}, "too-long"),
        ({"purl": "lodash"}, "bad-purl"),
        ({"purl": "pkg:nothing/lodash"}, "bad-purl"),
        ({"purl": "pkg:npm/lodash", "vendor": "x"}, "two-names"),
    ],
)
def test_what_may_not(given_, reason):
    with pytest.raises(BadRecord) as caught:
        read_wanted(**given_)
    assert caught.value.reason == reason


def lines(text: str) -> list[tuple[int, Wanted | str]]:
    return [(number, one.reason if isinstance(one, Refused) else one) for number, one in read_csv(text)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_columns_by_their_names(separator, ending):
    text = ending.join(
        separator.join(cells)
        for cells in (["Note", "PURL", "vendor"], ["ours", "", "Apache"], [], ["", "pkg:npm/lodash", ""])
    )
    assert lines("\ufeff" + text) == [(2, Wanted("Apache", note="ours")), (4, Wanted(purl="pkg:npm/lodash"))]


def test_columns_in_their_usual_order():
    assert lines('Apache,"HTTP Server, the"\n,,pkg:npm/lodash,x\npkg:npm/tar\n') == [
        (1, Wanted("Apache", "HTTP Server, the")),
        (2, Wanted(purl="pkg:npm/lodash", note="x")),
        (3, Wanted(purl="pkg:npm/tar")),
    ]


def test_a_bad_line_is_told_and_the_others_count():
    found = lines("vendor,product,purl\nApache,x\n,,\n,,nonsense\na,b,,d\nIBM,MQ,\n")
    assert [number for number, _ in found] == [2, 4, 5, 6]
    assert found[0][1] == Wanted("Apache", "x")
    assert "is no package URL" in str(found[1][1])
    assert "4 columns where there are 3" in str(found[2][1])
    assert found[3][1] == Wanted("IBM", "MQ")


def test_quotes_that_do_not_end_are_told():
    assert "correct the quotes" in str(lines('vendor\nApache\n"IBM\nx\n')[-1][1])


@given(st.text())
def test_any_text_is_read(text):
    for _, one in read_csv(text):
        assert isinstance(one, Refused) or read_wanted(*one) == one
