"""What is decided about packages and findings, without a database."""

import json
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Permanent
from assay.pipelines.packages.model import (
    Fault,
    Format,
    Inventory,
    Origin,
    ScannedFile,
    Scope,
    Standing,
    Unchecked,
    Unreadable,
)
from assay.pipelines.packages.rules.assembling import in_order, questions
from assay.pipelines.packages.rules.ignoring import ignoring, read_rules
from assay.pipelines.packages.rules.judging import FailOn, Verdict, fails, verdict
from assay.pipelines.packages.rules.lines import lines
from assay.pipelines.packages.rules.paths import paths
from assay.pipelines.packages.rules.recognising import format_of, formats_named
from pipelines.packages.makers import a_finding, a_package, a_scan, a_vulnerability, an_occurrence

TODAY = date(2026, 11, 22)


class TestPaths:
    def test_the_shortest_way_from_a_direct_dependency_is_told(self):
        tree = [
            a_package("app", is_direct=True, requires=("long", "deep")),
            a_package("long", requires=("between",)),
            a_package("between", requires=("deep",)),
            a_package("deep", requires=("deepest", "app")),
            a_package("deepest"),
        ]
        found = paths(tree)
        assert found["deepest"] == ("app@1.0.0", "deep@1.0.0", "deepest@1.0.0")
        assert found["app"] == ("app@1.0.0",)

    def test_where_nothing_is_called_direct_what_nobody_needs_is(self):
        tree = [a_package("top", requires=("low",)), a_package("low", requires=("low",))]
        assert paths(tree) == {"top": ("top@1.0.0",), "low": ("top@1.0.0", "low@1.0.0")}

    def test_a_file_without_edges_tells_no_way(self):
        assert paths([a_package("a", is_direct=True), a_package("b")]) == {}

    def test_what_no_direct_dependency_leads_to_has_no_way(self):
        tree = [
            a_package("a", is_direct=True, requires=("gone",)),
            a_package("x", requires=("y",), is_direct=False),
            a_package("y", requires=("x",), is_direct=False),
        ]
        assert set(paths(tree)) == {"a"}

    @given(st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=1, max_size=12))
    def test_every_step_of_every_way_is_an_edge(self, graph):
        tree = [
            a_package(str(n), is_direct=n == 0, requires=tuple(str(m) for m in needs))
            for n, needs in enumerate(graph)
        ]
        edges = {(f"{p.name}@1.0.0", f"{need}@1.0.0") for p in tree for need in p.requires}
        for key, steps in paths(tree).items():
            assert steps[0] == "0@1.0.0"
            assert steps[-1] == f"{key}@1.0.0"
            assert set(pairwise(steps)) <= edges
            assert len(set(steps)) == len(steps)


class TestQuestions:
    def test_one_version_in_several_files_is_asked_once_under_either_spelling(self):
        one = a_package("Flask_Login", "0.6", ecosystem="PyPI", place="line 3")
        other = a_package("flask-login", "0.6", ecosystem="PyPI", place="line 9", scope=Scope.DEV)
        asked = questions(
            [
                ("a.txt", Inventory(format="r", packages=(one,))),
                ("b.txt", Inventory(format="r", packages=(other,))),
            ]
        )
        [subject] = asked.subjects
        assert subject.name == "Flask_Login"
        assert [(o.file, o.place, o.scope) for o in subject.occurrences] == [
            ("a.txt", "line 3", Scope.RUNTIME),
            ("b.txt", "line 9", Scope.DEV),
        ]

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ({"ecosystem": None}, Unchecked.NO_ECOSYSTEM),
            ({"version": None}, Unchecked.NO_VERSION),
            ({"origin": Origin.GIT, "commit": "a" * 40}, Unchecked.GIT),
            ({"origin": Origin.URL}, Unchecked.URL),
            ({"origin": Origin.PATH}, Unchecked.PATH),
        ],
    )
    def test_what_cannot_be_looked_up_is_told_with_its_reason(self, said, why):
        asked = questions([("f", Inventory(format="x", packages=(a_package(**said),)))])
        assert asked.subjects == ()
        assert [(entry.name, entry.file, entry.why) for entry in asked.skipped] == [("left-pad", "f", why)]
        assert [commit for commit, _ in asked.commits] == ([said["commit"]] if "commit" in said else [])

    def test_a_mirror_of_a_registry_is_looked_up(self):
        package = a_package(origin=Origin.OTHER_REGISTRY)
        assert len(questions([("f", Inventory(format="x", packages=(package,)))]).subjects) == 1


class TestOrder:
    def test_exploited_ones_come_first_then_the_worst(self):
        def rated(name, **said):
            return a_finding(vulnerability=a_vulnerability(name, **said))

        exploited = rated("CVE-1", severity="low", is_exploited=True)
        worst = rated("CVE-2", severity="critical", cvss_score=9.8)
        likely = rated("CVE-3", severity="high", epss=0.9)
        unrated = rated("CVE-4", severity=None, cvss_score=None)
        unknown = a_finding(standing=Standing.UNKNOWN, vulnerability=a_vulnerability(is_exploited=True))
        high = rated("CVE-5")
        found = in_order([unknown, unrated, high, likely, worst, exploited])
        assert found == (exploited, worst, likely, high, unrated, unknown)


class TestVerdict:
    def test_nothing_found_is_clean(self):
        assert verdict(a_scan(), {FailOn.ANY}) is Verdict.CLEAN

    def test_what_was_not_read_outweighs_what_was_found(self):
        broken = a_scan(a_finding(), unreadable=(Unreadable("x", "not-json", "no"),))
        assert verdict(broken, {FailOn.ANY}) is Verdict.ERROR
        fault = ScannedFile("f", "x", None, 1, (Fault("line 1", "bad-name", "no"),))
        assert verdict(a_scan(files=(fault,)), {FailOn.NONE}) is Verdict.ERROR

    def test_a_finding_outweighs_what_is_not_known(self):
        unknown = a_finding("other", standing=Standing.UNKNOWN)
        assert verdict(a_scan(unknown), {FailOn.ANY}) is Verdict.UNKNOWN
        assert verdict(a_scan(unknown, a_finding()), {FailOn.ANY}) is Verdict.FINDINGS

    def test_an_ignored_finding_does_not_count(self):
        ignored = a_finding(occurrences=(an_occurrence(ignored="known"),))
        assert verdict(a_scan(ignored), {FailOn.ANY}) is Verdict.CLEAN
        half = a_finding(occurrences=(an_occurrence(ignored="known"), an_occurrence("other")))
        assert verdict(a_scan(half), {FailOn.ANY}) is Verdict.FINDINGS

    @pytest.mark.parametrize(
        ("levels", "severity", "is_exploited", "expected"),
        [
            ({FailOn.HIGH}, "high", False, True),
            ({FailOn.HIGH}, "critical", False, True),
            ({FailOn.HIGH}, "medium", False, False),
            ({FailOn.CRITICAL, FailOn.LOW}, "low", False, True),
            ({FailOn.LOW}, "none", False, False),
            ({FailOn.LOW}, None, False, False),
            ({FailOn.ANY}, None, False, True),
            ({FailOn.KEV}, "critical", False, False),
            ({FailOn.KEV}, "low", True, True),
            ({FailOn.KEV, FailOn.HIGH}, "high", False, True),
            ({FailOn.NONE}, "critical", True, False),
        ],
    )
    def test_levels(self, levels, severity, is_exploited, expected):
        said = a_vulnerability(severity=severity, is_exploited=is_exploited)
        assert fails(a_finding(vulnerability=said), levels) is expected


class TestIgnoring:
    def read(self, text):
        return read_rules(text, "f.toml")

    def test_any_name_of_the_vulnerability_counts(self):
        for name in ("CVE-2024-0001", "ghsa-AAAA-bbbb-cccc"):
            rules = self.read(f'[[ignore]]\nid = "{name}"\nreason = "seen"')
            assert ignoring([a_finding()], rules, TODAY).findings[0].ignored == "seen"

    def test_package_and_path_narrow_it(self):
        rules = self.read(
            '[[ignore]]\nid = "CVE-2024-0001"\npackage = "left-pad"\npath = "web/*"\nreason = "r"\n'
            '[[ignore]]\nid = "CVE-2024-0001"\npackage = "other"\nreason = "s"\n'
        )
        finding = a_finding(occurrences=(an_occurrence("./web/a.json"), an_occurrence("api/a.json")))
        seen = ignoring([finding], rules, TODAY)
        assert [entry.ignored for entry in seen.findings[0].occurrences] == ["r", None]
        assert seen.findings[0].ignored is None
        assert [rule.package for rule in seen.unused] == ["other"]

    def test_an_entry_counts_on_its_last_day_and_not_after(self):
        rules = self.read('[[ignore]]\nid = "CVE-2024-0001"\nreason = "r"\nuntil = 2026-11-22')
        assert ignoring([a_finding()], rules, TODAY).findings[0].ignored == "r"
        over = ignoring([a_finding()], rules, date(2026, 11, 23))
        assert over.findings[0].ignored is None
        assert over.expired == rules
        assert over.unused == ()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("ignore = 3", "no list"),
            ("[[ignore", "not TOML"),
            ("[[ignored]]", "does not know ignored"),
            ('[[ignore]]\nid = "CVE-1"', "needs a reason"),
            ('[[ignore]]\nreason = "r"', "needs an id"),
            ('[[ignore]]\nid = "CVE-1"\nreason = "  "', "needs a reason"),
            ('[[ignore]]\nid = "CVE-1"\nreason = "r"\nexpires = 2026-01-01', "entry 1 has expires"),
            ('[[ignore]]\nid = "CVE-1"\nreason = "r"\nuntil = "2026-01-01"', "date without quotes"),
            ('[[ignore]]\nid = 7\nreason = "r"', "id is a text"),
            ("ignore = [3]", "is no table"),
        ],
    )
    def test_a_wrong_file_says_which_entry_and_why(self, text, said):
        with pytest.raises(Permanent, match=said):
            self.read(text)


class TestLines:
    def test_the_line_of_a_place_in_json_is_found(self):
        tree = {
            "packages": {
                "": {},
                "node_modules/a": {"x": [{"y": 1}, {"node_modules/a": 2}]},
                "it's [odd].\"": {},
            },
            "dependencies": {"a": {"dependencies": {"a": {}}}},
        }
        text = json.dumps(tree, indent=1)
        found = lines(
            text,
            [
                "$.packages['node_modules/a']",
                "$.packages['node_modules/a'].x[1]",
                "$.dependencies.a.dependencies.a",
                'packages["it\'s [odd].\\""]',
                "$.nowhere",
                "line 7, column 3",
            ],
        )
        at = {
            place: text.splitlines()[line - 1].strip() for place, line in found.items() if "line" not in place
        }
        assert at == {
            "$.packages['node_modules/a']": '"node_modules/a": {',
            "$.packages['node_modules/a'].x[1]": "{",
            "$.dependencies.a.dependencies.a": '"a": {}',
            'packages["it\'s [odd].\\""]': '"it\'s [odd].\\"": {}',
        }
        assert found["line 7, column 3"] == 7

    @given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=5))
    def test_no_text_makes_it_fail(self, content, places):
        assert set(lines("{" + content, places)) <= set(places)


class TestFormats:
    def a_format(self, name, *names, starts=None):
        recognises = None if starts is None else lambda head: head.startswith(starts)
        return Format(name, name, None, names, lambda path, content: Inventory(format=name), recognises)

    def test_the_name_decides_first_and_the_content_between_several(self):
        formats = {
            "old": self.a_format("old", "Yarn.lock", starts=b"# yarn"),
            "new": self.a_format("new", "yarn.lock", starts=b"__metadata"),
            "json": self.a_format("json", "*.cdx.json", starts=b"{"),
        }
        assert format_of(formats, "YARN.lock", b"__metadata:") is formats["new"]
        assert format_of(formats, "yarn.lock", b"what") is formats["old"]
        assert format_of(formats, "a.cdx.json", b"no json") is formats["json"]
        assert format_of(formats, "anything", b"{}") is formats["json"]
        assert format_of(formats, "anything", b"?") is None
        assert formats_named(formats, "x.json") == []
