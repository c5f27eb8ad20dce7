"""Commits and packages of CVE records as OSV entries."""

import msgspec
import pytest

from assay.domain import cve_ranges
from assay.domain.cve_ranges import partition
from assay.domain.cve_record import Block
from assay.domain.osv import Affected, Event, Package, Range

REPO = "https://example.org/linux.git"
A, B, C = (letter * 40 for letter in "abc")


def git(version: str, **end: str) -> dict[str, str]:
    return {"version": version, "status": "affected", "versionType": "git", **end}


def blocks(entries) -> tuple[Block, ...]:
    return msgspec.convert(entries, tuple[Block, ...])


def affected(cna, *adps):
    return cve_ranges.affected([blocks(cna), None, *(blocks(adp) for adp in adps)])


def test_commits_of_a_repository_stand_in_one_range():
    cna = [
        {"product": "Linux", "repo": REPO, "versions": [git(A, lessThan=B), git(A, lessThan=C), git(C)]},
        {
            "product": "Linux",
            "repo": REPO,
            "versions": [git("0", lessThan=B), {"version": "5.7", "status": "affected"}],
        },
    ]
    adp = [{"repo": REPO, "versions": [git(B, lessThan=C)]}]
    starts = tuple(Event(introduced=commit) for commit in (A, C, "0"))
    ends = (Event(fixed=B), Event(fixed=C))
    assert affected(cna, adp) == (Affected(ranges=(Range(type="GIT", repo=REPO, events=starts + ends),)),)


def test_last_affected_commits_stand_apart():
    cna = [{"product": "P", "repo": REPO, "versions": [git("*", lessThan=B), git(A, lessThanOrEqual=C)]}]
    (entry,) = affected(cna)
    assert [one.events for one in entry.ranges] == [
        (Event(introduced="0"), Event(fixed=B)),
        (Event(introduced=A), Event(last_affected=C)),
    ]


@pytest.mark.parametrize(
    "block",
    [
        {"repo": REPO, "versions": [git("1.2.3", lessThan="1.3")]},
        {"repo": REPO, "versions": [git("*", lessThan="3.6")]},
        {"repo": REPO, "versions": [git("20210518")]},
        {"repo": "example.org/linux", "versions": [git(A, lessThan=B)]},
        {"versions": [git(A, lessThan=B)]},
        {"repo": REPO, "versions": [{**git(A, lessThan=B), "versionType": "custom"}]},
    ],
)
def test_what_names_no_commits_stays_prose(block):
    assert affected([block]) == ()
    commits, others = partition(blocks([block])[0])
    assert (commits, len(others)) == ([], 1)


def test_commits_and_versions_of_a_block_are_told_apart():
    spared = {**git(C), "status": "unaffected"}
    block = {"repo": f" {REPO} ", "versions": [git(A, lessThan=B), semver("5.7"), spared]}
    commits, others = partition(blocks([block])[0])
    assert [one.version for one in commits] == [A]
    assert [one.version for one in others] == ["5.7"]


def packages(*entries, purl="pkg:npm/%40scope/name", **block):
    return affected([{"packageURL": purl, "product": "P", "versions": list(entries), **block}])


def semver(version: str, status: str = "affected", **end: object) -> dict[str, object]:
    return {"version": version, "status": status, "versionType": "semver", **end}


@pytest.mark.parametrize(
    ("purl", "package"),
    [
        ("pkg:pypi/requests", Package("PyPI", "requests", "pkg:pypi/requests")),
        ("pkg:npm/%40scope/name@1.0?x=y#z", Package("npm", "@scope/name", "pkg:npm/%40scope/name")),
        ("pkg:npm/@scope/name", Package("npm", "@scope/name", "pkg:npm/@scope/name")),
        ("pkg://maven/org.example/lib", Package("Maven", "org.example:lib", "pkg:maven/org.example/lib")),
        ("pkg:golang/example.org/a/b", Package("Go", "example.org/a/b", "pkg:golang/example.org/a/b")),
        ("PKG:Cargo/serde", Package("crates.io", "serde", "pkg:cargo/serde")),
        ("pkg:gem/rails", Package("RubyGems", "rails", "pkg:gem/rails")),
        ("pkg:nuget/Json", Package("NuGet", "Json", "pkg:nuget/Json")),
        ("pkg:composer/a/b", Package("Packagist", "a/b", "pkg:composer/a/b")),
        ("pkg:hex/phoenix", Package("Hex", "phoenix", "pkg:hex/phoenix")),
        ("pkg:pub/http", Package("Pub", "http", "pkg:pub/http")),
    ],
)
def test_package_url(purl, package):
    (entry,) = packages(semver("0", lessThan="1.0.0"), purl=purl)
    assert entry.package == package


@pytest.mark.parametrize(
    "purl", ["", "pkg:", "pkg:npm", "pkg:npm/", "pkg:deb/debian/curl", "npm/name", "https://x/y"]
)
def test_package_url_that_names_no_package(purl):
    assert packages(semver("0", lessThan="1.0.0"), purl=purl) == ()


def test_package_url_in_the_other_spelling():
    block = {"packageUrl": "pkg:gem/rails", "versions": [{"version": "1.0", "status": "affected"}]}
    (entry,) = affected([block])
    assert entry.versions == ("1.0",)


def test_package_versions_as_ranges():
    (entry,) = packages(
        semver("1.0.0", lessThan="1.2.0"),
        semver("2.0.0", lessThanOrEqual="2.1.0"),
        {"version": "3.0.0", "status": "affected", "lessThan": "*", "versionType": "custom"},
        semver("4.0.0", lessThan="*", changes=[{"at": "4.0.1", "status": "unaffected"}]),
        semver("0.9.0", status="unaffected"),
        semver("5.0.0"),
        {"version": "all before 6", "status": "affected"},
        semver("7.x", lessThan="some day"),
    )
    assert entry.ranges == (
        Range(type="SEMVER", events=(Event(introduced="1.0.0"), Event(fixed="1.2.0"))),
        Range(type="SEMVER", events=(Event(introduced="2.0.0"), Event(last_affected="2.1.0"))),
        Range(type="ECOSYSTEM", events=(Event(introduced="3.0.0"),)),
        Range(type="SEMVER", events=(Event(introduced="4.0.0"), Event(fixed="4.0.1"))),
    )
    assert entry.versions == ("5.0.0",)


def test_semver_is_no_order_of_python_packages():
    (entry,) = packages(semver("0", lessThan="1.0"), purl="pkg:pypi/requests")
    assert entry.ranges[0].type == "ECOSYSTEM"


def test_package_affected_but_for_the_spared():
    def events(*entries):
        found = packages(*entries, defaultStatus="affected")
        return found[0].ranges[0].events if found else None

    assert events() == (Event(introduced="0"),)
    assert events(semver("2.0.0", "unaffected", lessThan="*")) == (
        Event(introduced="0"),
        Event(fixed="2.0.0"),
    )
    assert events(semver("0", "unaffected", lessThan="1.0.0"), semver("1.0.0")) == (
        Event(introduced="1.0.0"),
    )
    assert events(semver("5.10.1", "unaffected", lessThanOrEqual="5.10.*")) is None
    assert events(semver("1.0.0", "unaffected")) is None


def test_package_named_by_cna_and_adp_is_the_cnas():
    block = {"packageURL": "pkg:gem/rails", "versions": [semver("0", lessThan="1.0")]}
    other = {"packageURL": "pkg:gem/rails", "versions": [semver("0", lessThan="9.0")]}
    added = {"packageURL": "pkg:gem/rack", "versions": [semver("0", lessThan="9.0")]}
    found = affected([block], [other, added])
    assert [(one.package.name, one.ranges[0].events[1].fixed) for one in found] == [
        ("rails", "1.0"),
        ("rack", "9.0"),
    ]
