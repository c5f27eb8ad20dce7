"""`assay scan` and its kin, as people type them, on the repository's sample."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def vulnerable(loaded) -> tuple[str, str, str]:
    """(package of npm, version of it, vulnerability) that the sample knows, so that tests rest on real records."""
    from assay.kit.db import Database

    with Database(loaded["ASSAY_DATABASE_URL"]).connection() as conn:
        row = conn.execute(
            "SELECT a.name, a.fixed, v.name FROM catalog.affected AS a "
            "JOIN catalog.vulnerabilities AS v ON v.id = a.vulnerability_id "
            "WHERE a.ecosystem = 'npm' AND a.lower = '' AND a.fixed ~ '^[0-9]+[.][0-9]+[.][0-9]+$' "
            "AND v.severity IN ('high', 'critical') AND NOT v.is_exploited AND a.name !~ '[@/]' "
            "ORDER BY a.name LIMIT 1"
        ).fetchone()
    assert row is not None
    return row[0], "0.0.0", row[2]


@pytest.fixture
def project(tmp_path, vulnerable) -> Path:
    """A project whose direct dependency brings the vulnerable package in."""
    name, version, _ = vulnerable
    packages = {
        "": {"name": "web", "dependencies": {"top": "^1.0.0"}},
        "node_modules/top": {"version": "1.0.0", "dependencies": {name: "*"}},
        f"node_modules/{name}": {"version": version},
    }
    write(tmp_path / "package-lock.json", packages)
    return tmp_path


def write(path: Path, packages: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": "web", "lockfileVersion": 3, "packages": packages}, indent=2))


def clean_lock(path: Path) -> None:
    write(path, {"": {"name": "web"}, "node_modules/no-such-package-at-all": {"version": "1.0.0"}})


def test_a_finding_is_shown_with_its_way_and_ends_with_1(assay, project, vulnerable):
    name, version, identifier = vulnerable
    result = assay("scan", str(project), code=1)
    [line] = [line for line in result.stdout.splitlines() if identifier in line]
    assert line.startswith("affected")
    assert f"{name}@{version}" in line
    assert "by top@1.0.0" in line
    assert "2 packages in 1 file" in result.stdout
    assert "data: " in result.stderr
    assert "osv" in result.stderr


def test_a_clean_project_ends_with_0(assay, tmp_path):
    clean_lock(tmp_path / "package-lock.json")
    result = assay("scan", str(tmp_path), code=0)
    assert "0 vulnerabilities" in result.stdout


def test_json_says_the_same_in_both_ways(assay, project, vulnerable):
    one = json.loads(assay("scan", str(project), "--json", code=1).stdout)
    two = json.loads(assay("scan", str(project), "--format", "json", code=1).stdout)
    assert one.pop("scanned_at")[:4] == two.pop("scanned_at")[:4]
    assert one == two
    found = [entry for entry in one["findings"] if entry["vulnerability"]["id"] == vulnerable[2]]
    line = found[0]["occurrences"][0]["line"]
    written = (project / "package-lock.json").read_text().splitlines()
    assert written[line - 1].strip() == f'"node_modules/{vulnerable[0]}": {{'
    assert one["verdict"] == "findings"
    assert set(one["data"]["freshness"]) >= {"osv", "kev", "epss"}


@pytest.mark.parametrize("form", ["sarif", "cyclonedx", "openvex", "markdown", "html"])
def test_a_report_goes_to_a_file(assay, project, form, vulnerable, tmp_path):
    target = tmp_path / "out" / "report"
    target.parent.mkdir()
    result = assay("scan", str(project), "--format", form, "--output", str(target), code=1)
    assert result.stdout == ""
    assert vulnerable[2] in target.read_text(encoding="utf-8")
    assert "2 packages in 1 file" in result.stderr


def test_a_report_that_cannot_be_written_is_an_error(assay, project, tmp_path):
    result = assay("scan", str(project), "--output", str(tmp_path / "no" / "where"), code=2)
    assert "No such file" in result.stderr


@pytest.mark.parametrize(
    ("levels", "code"),
    [(["high"], 1), (["low,kev"], 1), (["kev"], 0), (["none"], 0), (["kev", "any"], 1)],
)
def test_what_counts_can_be_said(assay, project, levels, code):
    options = [word for level in levels for word in ("--fail-on", level)]
    result = assay("scan", str(project), *options, code=code)
    assert "affected" in result.stdout


@pytest.mark.parametrize("levels", [["severe"], ["none,low"], [""]])
def test_a_level_that_is_none_is_refused(assay, project, levels):
    result = assay("scan", str(project), "--fail-on", *levels, code=2)
    assert "--fail-on" in result.stderr


def test_what_cannot_be_read_is_named_and_the_others_are_scanned(assay, project, vulnerable):
    (project / "bad").mkdir()
    (project / "bad" / "package-lock.json").write_text("{")
    result = assay("scan", str(project), str(project / "missing"), code=2)
    assert vulnerable[2] in result.stdout
    assert f"Error: {project / 'bad' / 'package-lock.json'}: " in result.stderr
    assert f"Error: {project / 'missing'}: No such file" in result.stderr


def test_a_version_that_cannot_be_placed_ends_with_3(assay, vulnerable):
    result = assay("scan", f"pkg:npm/{vulnerable[0]}@what!", code=3)
    assert result.stdout.startswith("unknown")


def test_purls_and_files_are_mixed_and_stdin_is_read(assay, project, vulnerable, loaded):
    from typer.testing import CliRunner

    from assay.cli import app

    result = assay(
        "scan", str(project), f"pkg:npm/{vulnerable[0]}@{vulnerable[1]}", "pkg:pypi/nothing@1", code=1
    )
    assert "3 packages in 2 files" in result.stdout
    content = (project / "package-lock.json").read_bytes()
    piped = CliRunner().invoke(app, ["scan", "-", "--format-of", "package-lock"], input=content, env=loaded)
    assert piped.exit_code == 1
    assert vulnerable[2] in piped.stdout


def test_what_is_not_looked_up_is_said(assay, tmp_path):
    write(
        tmp_path / "package-lock.json",
        {
            "": {"name": "web"},
            "node_modules/mine": {
                "version": "1.0.0",
                "resolved": "git+ssh://git@git.example.org/a/mine.git#0123456789abcdef0123456789abcdef01234567",
            },
        },
    )
    assert "1 package not looked up" in assay("scan", str(tmp_path)).stdout
    document = json.loads(assay("scan", str(tmp_path), "--json").stdout)
    assert [(entry["name"], entry["reason"]) for entry in document["not_checked"]] == [("mine", "git")]


class TestIgnoring:
    def write(self, folder: Path, text: str) -> Path:
        path = folder / ".assay-ignore.toml"
        path.write_text(text)
        return path

    def test_a_reason_makes_a_finding_not_count(self, assay, project, vulnerable):
        found = json.loads(assay("scan", str(project), "--json", code=1).stdout)["findings"]
        entries = "".join(
            f'[[ignore]]\nid = "{entry["vulnerability"]["id"]}"\nreason = "not reachable"\n'
            for entry in found
        )
        self.write(project, entries + '[[ignore]]\nid = "CVE-1999-0001"\nreason = "old"\n')
        result = assay("scan", str(project), code=0)
        assert vulnerable[2] not in result.stdout
        assert f"{len(found)} ignored" in result.stdout
        assert "meets nothing: CVE-1999-0001" in result.stderr

    def test_one_that_is_over_no_longer_does(self, assay, project, vulnerable):
        path = self.write(
            project.parent, f'[[ignore]]\nid = "{vulnerable[2]}"\nreason = "soon"\nuntil = 2020-01-01\n'
        )
        result = assay("scan", str(project), "--ignore", str(path), code=1)
        assert f"ignored until 2020-01-01, which is over: {vulnerable[2]} (soon)" in result.stderr

    def test_a_wrong_file_is_an_error(self, assay, project):
        self.write(project, '[[ignore]]\nid = "CVE-1"\n')
        assert "needs a reason" in assay("scan", str(project), code=2).stderr
        assert "cannot be read" in assay("scan", str(project), "--ignore", "/no/where", code=2).stderr


def test_stale_data_are_refused(assay, project):
    assert assay("scan", str(project), "--require-fresh", "1d", code=1).stdout
    result = assay("scan", str(project), "--require-fresh", "0h", code=2)
    assert "run `assay sync`" in result.stderr
    assert result.stdout == ""
    assert "--require-fresh" in assay("scan", str(project), "--require-fresh", "soon", code=2).stderr


def test_an_empty_catalog_is_refused(assay, project, fresh_url):
    result = assay("scan", str(project), code=2, ASSAY_DATABASE_URL=fresh_url)
    assert "run `assay sync`" in result.stderr
    answer = json.loads(assay("scan", str(project), "--json", code=2, ASSAY_DATABASE_URL=fresh_url).stdout)
    assert answer["error"]["kind"] == "permanent"


def test_nothing_that_a_file_says_reaches_the_terminal_as_a_command(assay, project, vulnerable):
    folder = project / "evil\x1b[31m"
    write(folder / "package-lock.json", {f"node_modules/{vulnerable[0]}": {"version": "0.0.0-\x1b]0;x\x07"}})
    result = assay("scan", str(folder), code=2)
    assert "\x1b" not in result.stdout + result.stderr


def test_kept_packages_are_listed_hit_and_forgotten(assay, ask, project, vulnerable):
    assert "2 packages kept as shop" in assay("scan", str(project), "--save", "shop", code=1).stderr
    assert "2 packages kept already as shop" in assay("scan", str(project), "--save", "shop", code=1).stderr
    [listed] = ask("inventories", "list")
    assert (listed["name"], listed["packages"]) == ("shop", 2)
    assert {entry["name"] for entry in ask("inventories", "show", "shop")["packages"]} == {
        "top",
        vulnerable[0],
    }
    assert ask("hits") == []
    hits = ask("hits", "--since", "0", code=1)
    assert (vulnerable[0], vulnerable[2]) in {(hit["name"], hit["vulnerability"]["name"]) for hit in hits}
    assert vulnerable[2] in assay("hits", "--since", "1d", "--inventory", "shop", code=1).stdout
    assert "shop" in assay("inventories", "list").stdout
    assert vulnerable[0] in assay("inventories", "show", "shop").stdout
    assert ask("inventories", "delete", "shop") == {"deleted": "shop", "packages": 2}
    assert ask("audit", "--action", "packages.")["rows"][0]["detail"] == {"packages": 2}
    assert "there are: none" in assay("inventories", "delete", "shop", code=3).stderr
    assert ask("inventories", "list") == []


def test_help_says_how_a_scan_ends(assay):
    text = assay("scan", "--help").stdout
    assert "Exit codes: 0 clean" in text
    assert "--fail-on" in text
