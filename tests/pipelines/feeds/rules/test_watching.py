"""What touches a watched product: names, packages, prose."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.pipelines.feeds.model.entries import Weight
from assay.pipelines.feeds.model.products import Watched
from assay.pipelines.feeds.rules.watching import Watch
from assay.pipelines.feeds.rules.weighing import weigh

HTTPD = Watched(1, "Apache", "HTTP Server", None)
FORTINET = Watched(2, "Fortinet, Inc.", None, None)
LOG4J = Watched(3, None, "Log4j", None)
LODASH = Watched(4, None, None, "pkg:npm/lodash")
REQUESTS = Watched(5, None, None, "pkg:pypi/requests")
BOOKWORM = Watched(6, None, None, "pkg:deb/debian/openssl?distro=debian-12")
SPRING = Watched(7, None, None, "pkg:maven/org.springframework/spring-core")
EVERY = (HTTPD, FORTINET, LOG4J, LODASH, REQUESTS, BOOKWORM, SPRING)
WATCH = Watch(EVERY)


@pytest.mark.parametrize(
    ("vendor", "product", "found"),
    [
        ("Apache", "HTTP Server", {1}),
        ("Apache Software Foundation", "Apache HTTP Server", {1}),
        ("apache", "http_server", {1}),
        ("The Apache Software Foundation", "apache http-server", {1}),
        # A record that names no vendor touches it by the product alone.
        (None, "HTTP Server", {1}),
        ("n/a", "HTTP Server", {1}),
        ("IBM", "HTTP Server", set()),
        ("Apache", "HTTP Server Plus", set()),
        ("Fortinet", "FortiOS", {2}),
        ("FORTINET INC", None, {2}),
        ("Fortinetworks", "FortiOS", set()),
        ("Apache", "Log4j", {3}),
        (None, "log4j", {3}),
        (None, None, set()),
        ("", "", set()),
    ],
)
def test_names(vendor, product, found):
    assert WATCH.touches(names=[(vendor, product)]) == found


@pytest.mark.parametrize(
    ("ecosystem", "name", "found"),
    [
        ("npm", "lodash", {4}),
        ("npm", "Lodash", set()),
        ("PyPI", "lodash", set()),
        ("PyPI", "Requests", {5}),
        ("Debian:12", "openssl", {6}),
        ("Debian:11", "openssl", set()),
        # A record that speaks of no release speaks of all.
        ("Debian", "openssl", {6}),
        ("Maven", "org.springframework:spring-core", {7}),
    ],
)
def test_packages(ecosystem, name, found):
    assert WATCH.touches(packages=[(ecosystem, name)]) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Apache HTTP Server 2.4.58: denial of service", {1}),
        ("A flaw in HTTP/2 handling. The HTTP server of the Apache project is affected.", {1}),
        ("Any http server is affected", set()),
        ("FortiOS by Fortinet before 7.4.3", {2}),
        ("log4j-core is exploited", {3}),
        ("Prototype pollution in the npm package lodash", {4}),
        ("Attackers send requests to the server", set()),
        ("The Python library requests leaks credentials", {5}),
        ("org.springframework:spring-core before 6.1.4", {7}),
        ("springcore", set()),
        ("", set()),
    ],
)
def test_prose(text, found):
    assert WATCH.touches(text) == found


def test_a_finished_document():
    document = {
        "id": "CVE-2024-1",
        "affected": [{"package": {"ecosystem": "npm", "name": "lodash"}}, {"ranges": []}],
        "database_specific": {
            "assay": {"state": "published", "products": [{"vendor": "Fortinet", "versions": ["7"]}]}
        },
    }
    assert WATCH.touched_by(msgspec.json.encode(document)) == {2, 4}
    assert WATCH.touched_by(b'{"id": "X"}') == frozenset()


def test_a_purl_that_names_no_package_touches_nothing():
    watch = Watch([Watched(1, None, None, "pkg:nothing/x"), Watched(2, None, None, "nonsense")])
    assert len(watch) == 2
    assert watch.touches("nothing x nonsense", [("x", "x")], [("npm", "x")]) == frozenset()


_WORDS = st.sampled_from(
    [
        "apache",
        "http",
        "server",
        "the",
        "fortinet",
        "inc",
        "log4j",
        "npm",
        "package",
        "lodash",
        "requests",
        "python",
        "spring",
        "core",
    ]
)
_TEXTS = st.lists(_WORDS, max_size=12).map(" ".join)
_NAMES = st.none() | st.lists(_WORDS, min_size=1, max_size=3).map(" ".join)
_PRODUCTS = st.lists(st.sampled_from(EVERY), unique=True)


@given(_PRODUCTS, _PRODUCTS, _TEXTS, st.lists(st.tuples(_NAMES, _NAMES), max_size=3))
def test_every_product_is_looked_for_by_itself(some, others, text, names):
    together = Watch([*some, *others]).touches(text, names)
    assert together == Watch(some).touches(text, names) | Watch(others).touches(text, names)


@given(_TEXTS, _TEXTS, _PRODUCTS)
def test_more_text_never_touches_less(text, more, products):
    watch = Watch(products)
    assert watch.touches(text) <= watch.touches(f"{text} {more}")


@given(st.text(), st.text())
def test_any_text_is_read(text, name):
    Watch([Watched(1, name, None, None), Watched(2, None, name, None)]).touches(text, [(text, text)])


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("A minor release with new colours", Weight(0, is_monitored=False)),
        ("CVE-2024-1234 was assigned", Weight(10, is_monitored=False)),
        ("Critical: remote code execution", Weight(20, is_monitored=False)),
        ("Zero-day is actively exploited, unauthenticated", Weight(60, is_monitored=False)),
        ("Fortinet fixes a critical flaw", Weight(120, is_monitored=True)),
        ("Fortinet moves its office", Weight(100, is_monitored=True)),
    ],
)
def test_what_is_watched_goes_first_and_then_what_sounds_bad(text, weight):
    assert weigh(text, WATCH) == weight


def test_nothing_is_monitored_while_nothing_is_watched():
    assert not weigh("Fortinet fixes a critical flaw", Watch([])).is_monitored
