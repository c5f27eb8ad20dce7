"""Packages against the catalog, kept ones too, on a real database."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from assay.domain.osv import Affected, Event, Range
from assay.errors import NotFound, Permanent
from assay.pipelines.packages import queries
from assay.pipelines.packages.commands import keeping, scanning
from assay.pipelines.packages.model import Inventory, Origin, Standing, Unchecked
from factories import NOW, V31, a_claim, a_severity, a_time, an_affected, drop, reading_claims, take
from pipelines.packages.makers import a_package

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def filled(ctx):
    """A catalog with a vulnerable left-pad before 1.0.1, PyPI's Flask_Login, a Debian package, and a commit."""
    reading = reading_claims(ctx)
    git = Affected(package=None, ranges=(Range(type="GIT", events=(Event(introduced=COMMIT),)),))
    take(
        reading,
        a_claim(
            "GHSA-aaaa-aaaa-aaaa",
            aliases=("CVE-2024-0001",),
            summary="left-pad pads right",
            severity=(a_severity(V31),),
            affected=(an_affected("left-pad", ecosystem="npm", fixed="1.0.1"),),
        ),
        a_claim("GHSA-bbbb-bbbb-bbbb", affected=(an_affected("flask-login", fixed=None),)),
        a_claim("DSA-1", affected=(an_affected("curl", ecosystem="Debian:12", fixed="7.88.1-10"),)),
        a_claim("OSV-2024-1", affected=(git,)),
    )
    return reading


def an_inventory(*packages):
    return Inventory(format="test", packages=packages)


def scanned(ctx, *packages, file="f.lock"):
    with ctx.db.transaction() as conn:
        return scanning.scan(conn, [(file, an_inventory(*packages))])


def kept(ctx, name, *packages, file="f.lock", now=NOW):
    with ctx.db.transaction() as conn:
        return keeping.save(conn, name, [(file, an_inventory(*packages))], now)


def hit(ctx, **said):
    with ctx.db.transaction() as conn:
        return [
            (
                entry.inventory,
                entry.name,
                entry.version,
                entry.vulnerability.name,
                entry.is_unknown,
                entry.fixed,
            )
            for entry in keeping.hits(conn, **said)
        ]


class TestScan:
    def test_an_empty_catalog_calls_nothing_clean(self, ctx):
        with pytest.raises(Permanent, match="assay sync"):
            scanned(ctx, a_package())

    def test_a_finding_says_what_is_known(self, filled):
        done = scanned(
            filled,
            a_package("top", is_direct=True, requires=("left-pad",)),
            a_package("left-pad", "1.0.0"),
        )
        [finding] = done.findings
        said = finding.vulnerability
        assert (said.name, said.aliases, said.severity) == (
            "CVE-2024-0001",
            ("GHSA-aaaa-aaaa-aaaa",),
            "critical",
        )
        assert said.cvss_score == pytest.approx(9.8)
        assert (finding.standing, finding.fixed) == (Standing.AFFECTED, "1.0.1")
        assert finding.occurrences[0].path == ("top@1.0.0", "left-pad@1.0.0")
        assert len(done.subjects) == 2
        assert done.change_seq == 4

    def test_a_fixed_version_is_clean_and_one_that_cannot_be_placed_is_not_known(self, filled):
        assert scanned(filled, a_package("left-pad", "1.0.1")).findings == ()
        [finding] = scanned(filled, a_package("left-pad", "latest?")).findings
        assert finding.standing is Standing.UNKNOWN

    def test_a_version_that_is_none_keeps_no_other_back(self, filled):
        done = scanned(filled, a_package("left-pad", "\x00\ud800"), a_package("left-pad", "0.9", key="other"))
        assert [entry.standing for entry in done.findings] == [Standing.AFFECTED, Standing.UNKNOWN]

    def test_names_are_compared_as_their_ecosystem_does(self, filled):
        done = scanned(filled, a_package("Flask_Login", "0.6", ecosystem="PyPI"))
        assert [entry.vulnerability.name for entry in done.findings] == ["GHSA-bbbb-bbbb-bbbb"]

    def test_another_release_of_a_distribution_is_not_affected(self, filled):
        twelve = a_package("curl", "7.88.1-1", ecosystem="Debian:12")
        assert len(scanned(filled, twelve).findings) == 1
        eleven = a_package("curl", "7.74.0-1", ecosystem="Debian:11")
        assert scanned(filled, eleven).findings == ()

    def test_a_commit_is_asked_for_and_its_package_is_not_called_clean(self, filled):
        def pinned(commit):
            return a_package("mine", None, origin=Origin.GIT, commit=commit)

        done = scanned(filled, pinned(COMMIT.upper()))
        assert [(entry.version, entry.vulnerability.name) for entry in done.findings] == [
            (COMMIT.upper(), "OSV-2024-1")
        ]
        for commit in ("f" * 40, "main", "zz" * 20):
            other = scanned(filled, pinned(commit))
            assert other.findings == ()
            assert [entry.why for entry in other.skipped] == [Unchecked.GIT]

    def test_all_packages_of_all_files_are_one_statement(self, filled):
        files = [(f"{n}.lock", an_inventory(*(a_package(f"p{m}") for m in range(50)))) for n in range(5)]
        asked: list[str] = []

        class Recording(psycopg.Cursor):
            def execute(self, query, *arguments, **options):
                asked.append(str(query))
                return super().execute(query, *arguments, **options)

        with filled.db.connection() as conn:
            conn.cursor_factory = Recording
            done = scanning.scan(conn, [*files, ("last.lock", an_inventory(a_package("left-pad")))])
        assert len(done.subjects) == 51
        assert sum("JOIN catalog.affected" in query for query in asked) == 1
        assert len(asked) <= 5
        assert [entry.name for entry in done.findings] == ["left-pad"]

    def test_what_is_withdrawn_is_found_no_more(self, filled):
        drop(filled, [a_claim("GHSA-aaaa-aaaa-aaaa", aliases=("CVE-2024-0001",))])
        assert scanned(filled, a_package("left-pad")).findings == ()


class TestKeeping:
    def test_the_same_packages_change_nothing(self, filled):
        packages = a_package("left-pad"), a_package("other")
        assert kept(filled, "web", *packages) == keeping.Saved("web", 2, is_changed=True)
        assert kept(filled, "web", *reversed(packages), now=a_time(400)).is_changed is False
        with filled.db.transaction() as conn:
            found = queries.get_inventory(conn, "web")
        assert (found.packages, found.saved_at, found.files) == (2, NOW, ["f.lock"])

    def test_other_packages_take_their_place(self, filled):
        kept(filled, "web", a_package("left-pad"))
        assert kept(filled, "web", a_package("other"), file="g.lock").is_changed
        with filled.db.transaction() as conn:
            found = queries.get_inventory(conn, "web")
            assert [entry.name for entry in queries.list_packages(conn, found)] == ["other"]
            assert found.files == ["g.lock"]

    def test_what_is_deleted_is_gone(self, filled):
        kept(filled, "web", a_package("left-pad"))
        kept(filled, "api", a_package("other"))
        with filled.db.transaction() as conn:
            assert keeping.delete(conn, "web") == 1
        with filled.db.transaction() as conn:
            assert [entry.name for entry in queries.list_inventories(conn)] == ["api"]
            assert conn.execute("SELECT count(*) FROM packages.pins").fetchone() == (1,)
            with pytest.raises(NotFound, match="there are: api"):
                keeping.delete(conn, "web")

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
    def test_a_name_that_is_none_is_refused(self, filled, name):
        with pytest.raises(Permanent, match="no name"):
            kept(filled, name, a_package())


class TestHits:
    def test_only_what_changed_since_it_was_kept_hits(self, filled):
        kept(filled, "web", a_package("left-pad", "1.0.0"), a_package("new-one", "2.0.0"))
        assert hit(filled) == []
        claim = a_claim("CVE-2024-0002", affected=(an_affected("new-one", ecosystem="npm", fixed="2.5"),))
        take(filled, claim)
        assert hit(filled) == [("web", "new-one", "2.0.0", "CVE-2024-0002", False, "2.5")]
        assert len(hit(filled, since=0)) == 2

    def test_the_reverse_says_what_a_scan_says(self, filled):
        packages = [
            a_package("left-pad", version, key=version)
            for version in ("0.1", "1.0.0", "1.0.1", "2", "nonsense!", "1.0.1-rc.1")
        ]
        packages += [
            a_package("Flask.Login", "3", ecosystem="PyPI"),
            a_package("curl", "7.0-1", ecosystem="Debian:12"),
            a_package("curl", "7.0-1", ecosystem="Debian:11", key="eleven"),
        ]
        kept(filled, "all", *packages)
        done = scanned(filled, *packages)
        expected = {
            (f.version, f.vulnerability.name, f.standing is Standing.UNKNOWN, f.fixed) for f in done.findings
        }
        assert len(expected) == 6
        assert {entry[2:] for entry in hit(filled, since=0)} == expected

    def test_a_moment_stands_for_the_line_before_it(self, filled):
        kept(filled, "web", a_package("left-pad"))
        with filled.db.transaction() as conn:
            [(last,)] = conn.execute("SELECT max(at) FROM catalog.changes").fetchall()
        assert len(hit(filled, since=last)) == 1
        assert hit(filled, since=last + timedelta(seconds=1)) == []

    def test_one_inventory_can_be_asked_about(self, filled):
        kept(filled, "web", a_package("left-pad"))
        kept(filled, "api", a_package("left-pad"))
        assert [entry[0] for entry in hit(filled, since=0)] == ["api", "web"]
        assert [entry[0] for entry in hit(filled, since=0, inventory="web")] == ["web"]
        with pytest.raises(NotFound):
            hit(filled, inventory="none")

    def test_keys_of_another_encoder_are_made_again(self, filled):
        kept(filled, "web", a_package("left-pad", "1.0.0"), a_package("curl", "7.0-1", ecosystem="Debian:12"))
        expected = hit(filled, since=0)
        assert len(expected) == 2
        with filled.db.transaction() as conn:
            conn.execute("UPDATE packages.pins SET encoder_version = 0, key = '\\xff'")
        assert hit(filled, since=0) == expected
        with filled.db.transaction() as conn:
            assert keeping.encode_again(conn) == 0


def test_ignored_findings_stay_in_the_scan(filled):
    done = scanned(filled, a_package("left-pad"))
    rules = scanning.read_ignore_rules('[[ignore]]\nid = "GHSA-aaaa-aaaa-aaaa"\nreason = "r"', "f")
    seen, expired, unused = scanning.ignore(done, rules, NOW.date())
    assert (len(seen.findings), seen.counted, expired, unused) == (1, (), (), ())
    assert replace(seen, findings=done.findings) == done
