"""Patterns of props.conf and filters of serverclass.conf, with the examples of their specifications."""

import pytest

from assay.domain.splunk.patterns import accepts, client_filter, matches, props_name
from assay.domain.splunk.specs import read_spec


@pytest.mark.parametrize(
    ("stanza", "value", "is_match"),
    [
        ("source::.../log/app.log", "/var/log/app.log", True),
        ("source::/var/log/*.log", "/var/log/app.log", True),
        ("source::/var/log/*.log", "/var/log/deep/app.log", False),
        ("source::....(?<!tar.)(gz|bz2)", "/var/log/a.gz", True),
        ("source::/var/log/[a-z]+/app-(prod|test).log", "/var/log/web/app-test.log", True),
        ("source::/var/log/a.log", "/var/log/aXlog", False),
        ("source::/VAR/log/a.log", "/var/log/a.log", False),
        ("host::web*", "WEB01", True),
        ("host::web*", "db01", False),
        ("linux_secure", "linux_secure", True),
        ("linux_secure", "Linux_Secure", False),
        ("source::(unclosed", "(unclosed", False),
    ],
)
def test_props(stanza, value, is_match):
    assert matches(props_name(stanza), value) is is_match


def test_a_filter_of_clients():
    assert client_filter("*.example.org") == r".*\.example\.org"
    assert client_filter(r"web[0-9]+\.example\.org") == r"web[0-9]+\.example\.org"
    assert client_filter("10.1.2.*") == r"10\.1\.2\..*"
    assert client_filter(".*") == ".*"
    assert accepts("10.1.2.*", "10.1.2.77")
    assert accepts("WEB*", "web01")
    assert not accepts("web", "web01")
    assert not accepts("(", "(")


def test_a_specification():
    spec = read_spec(
        "# comment\nanywhere = <string>\n* About it.\n\n[tcp://<remote>:<port>]\nconnection_host = [ip|dns]\n"
        "  indented = <bool>\n    [indented header]\nlist.<n> = <string>\n[exact]\nTRANSFORMS-<class> = <x>\n"
        "[default]\nalso = <string>\n"
    )
    assert spec.knows("any", "anywhere")
    assert spec.knows("any", "also")
    assert spec.knows("tcp://1.2.3.4:99", "connection_host")
    assert spec.knows("tcp://1.2.3.4:99", "indented")
    assert spec.knows("tcp://1.2.3.4:99", "list.7")
    assert not spec.knows("udp://514", "connection_host")
    assert spec.knows("exact", "TRANSFORMS-routing")
    assert not spec.knows("exact", "TRANSFORM-routing")
    assert not spec.knows("exactly", "TRANSFORMS-routing")
