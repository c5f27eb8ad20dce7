"""Files: real bulletins of every form, mail among them, and what is none."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Document, Listing
from assay.pipelines.feeds.sources.files import MAIL, READER, Options
from pipelines.feeds.bulletins import bulletins


def read(address: str, content: bytes, **options: Any) -> Listing:
    return READER.read(Document(address=address, content=content), Options(**options))


@pytest.mark.parametrize("path", sorted(path for path in bulletins() if "/atom/" not in path))
def test_a_real_bulletin_is_one_entry(path: str) -> None:
    content = bulletins()[path]
    found = read(path, content)
    (one,) = found.entries
    assert (one.key, found.bad) == (path, ())
    assert one.raw in content
    assert one.title


def test_a_real_announcement_is_mail() -> None:
    path = "feeds/kernel/CVE-2021-47080.mbox"
    (one,) = read(path, bulletins()[path]).entries
    assert one.media_type == MAIL
    assert one.title == "CVE-2021-47080: RDMA/core: Prevent divide-by-zero error triggered by the user"
    assert one.raw.startswith(b"From: Greg Kroah-Hartman")


def test_real_bulletins_tell_their_titles_and_days() -> None:
    told = {
        path.rpartition("/")[2]: read(path, content).entries[0]
        for path, content in bulletins().items()
        if "/mozilla/" in path or "/curl/" in path
    }
    assert told["mfsa2005-55.md"].title == "XHTML node spoofing"
    assert told["mfsa2005-55.md"].published_at == datetime(2005, 7, 12, tzinfo=UTC)
    assert told["mfsa2020-26.yml"].title == "Security Vulnerabilities fixed in Thunderbird 68.10.0"
    assert told["mfsa2020-26.yml"].published_at is not None
    assert told["CVE-2000-0973.md"].title == "FTP Server Response Buffer Overflow"


MBOX = b"""From ann@example.org Mon Sep 17 00:00:00 2001
Message-ID: <1@example.org>
Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=
Date: Fri, 31 Mar 2023 07:06:53 +0200

From here on 2001
all is body.

From bob@example.org Tue Sep 18 00:00:00 2001
Message-ID: <1@example.org>
Subject: Two
 lines

Body

From carl@example.org Tue Sep 18 00:00:00 2001
no header at all
"""


def test_each_message_of_an_mbox_is_an_entry() -> None:
    found = read("list.mbox", MBOX)
    first, second = found.entries
    assert (first.key, first.title) == ("1@example.org", "Größe")
    assert first.published_at == datetime(2023, 3, 31, 5, 6, 53, tzinfo=UTC)
    assert first.raw.endswith(b"From here on 2001\nall is body.\n\n")
    assert (second.key, second.title) == ("list.mbox#2", "Two lines")
    assert [(bad.place, bad.reason) for bad in found.bad] == [("list.mbox#3", "not-mail")]


def test_a_line_of_many_times_is_looked_at_once() -> None:
    # A line that looks like the one between messages, but for the year: hours where each part is tried with each.
    line = b"From a " + b"00:00 " * 200_000
    (one,) = read("list.mbox", MBOX.partition(b"\n\n")[0] + b"\n\n" + line + b"\n").entries
    assert one.raw.rstrip().endswith(b"00:00")


def test_a_single_message_needs_no_line_before_it() -> None:
    (one,) = read("x.eml", b"Subject: Hi\r\n\r\nBody\r\n").entries
    assert (one.key, one.title, one.raw) == ("x.eml", "Hi", b"Subject: Hi\r\n\r\nBody\r\n")


@pytest.mark.parametrize(
    ("address", "content", "reason"),
    [
        ("a.txt", b" \n", "empty"),
        ("a.txt", b"a\0b", "not-text"),
        ("a.eml", b"hello\nworld", "not-mail"),
        ("a.mbox", b"From nobody\n", "not-mail"),
    ],
)
def test_what_is_none_is_told(address: str, content: bytes, reason: str) -> None:
    with pytest.raises(BadRecord) as told:
        read(address, content)
    assert told.value.reason == reason


@pytest.mark.parametrize(
    ("address", "media_type"),
    [
        ("a.md", "text/markdown"),
        ("a.HTML", "text/html"),
        ("a.yaml", "application/yaml"),
        ("a.json", "application/json"),
        ("a", "text/plain"),
    ],
)
def test_what_kind_of_text_it_is(address: str, media_type: str) -> None:
    assert read(address, b"text").entries[0].media_type == media_type
    assert read(address, b"text", media_type="text/plain").entries[0].media_type == "text/plain"


def test_which_files_count() -> None:
    usual = Options()
    assert [usual.wants(path) for path in ("a/b.md", "b.MBOX", "b.png", "Makefile")] == [
        True,
        True,
        False,
        False,
    ]
    chosen = Options(include=("advisories/*", "*.adv"), exclude=("README*",))
    paths = ("advisories/1", "x/y.adv", "README.adv", "advisories/README.md", "z.md")
    assert [chosen.wants(path) for path in paths] == [True, True, False, False, False]
    assert Options(media_type="text/plain").wants("anything")


@given(st.binary(max_size=300), st.sampled_from(["a.eml", "a.mbox", "a.md", "a.yml", "a.html", "a.txt"]))
def test_whatever_comes_is_read_or_refused(content: bytes, address: str) -> None:
    try:
        found = read(address, content)
    except BadRecord:
        return
    assert all(one.key for one in found.entries)


@given(st.text(alphabet="=?utf-8bqQ_<>@;\"'()[], \tab", max_size=120))
def test_hostile_header_fields_are_read_or_refused(value: str) -> None:
    raw = f"Subject: {value}\nDate: {value}\nMessage-ID: {value}\n\nbody".encode()
    try:
        read("a.eml", raw)
    except BadRecord:
        return
