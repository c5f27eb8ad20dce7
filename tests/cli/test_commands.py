"""Every command, on a catalog made of the repository's sample."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest

from assay.domain.osv import Document

ROOT = Path(__file__).resolve().parents[2]
LOG4SHELL = "CVE-2021-44228"
# What programs may rely on in `assay show --json`.
VULNERABILITY = {
    *("name", "aliases", "identifiers", "state", "summary", "severity", "cvss_version", "cvss_score"),
    *(
        "cvss_vector",
        "published_at",
        "modified_at",
        "withdrawn_at",
        "epss",
        "epss_percentile",
        "is_exploited",
    ),
    *("exploited_on", "exploited", "sources", "confidence", "needs_review", "remediated_at", "changed_at"),
    *("claims", "osv"),
}


def pages(ask, *arguments: str) -> list[dict]:
    """All hits of a search, page by page."""
    hits, cursor = [], []
    while True:
        page = ask("search", *arguments, *cursor)
        hits += page["hits"]
        if page["next_cursor"] is None:
            return hits
        cursor = ["--cursor", page["next_cursor"]]


@pytest.mark.parametrize(
    "spelling",
    ["CVE-2021-44228", "cve-2021-44228", " CVE-2021-44228,", "GHSA-JFH8-C2JP-5V3Q", "ghsa-jfh8-c2jp-5v3q"],
)
def test_any_spelling_of_any_name_finds_it(ask, spelling):
    found = ask("show", spelling)
    assert (found["name"], found["aliases"]) == (LOG4SHELL, ["GHSA-jfh8-c2jp-5v3q"])


def test_a_vulnerability_for_programs(ask):
    found = ask("show", LOG4SHELL)
    assert set(found) == VULNERABILITY
    assert found["osv"]["id"] == LOG4SHELL
    assert msgspec.json.decode(json.dumps(found["osv"]), type=Document).aliases == ("GHSA-jfh8-c2jp-5v3q",)
    assert found["exploited"]["added_on"] == found["exploited_on"] == "2021-12-10"
    assert {claim["source"] for claim in found["claims"]} == set(found["sources"])
    assert found["changed_at"].endswith("Z")


def test_a_vulnerability_for_people(assay):
    shown = assay("show", LOG4SHELL).stdout
    assert shown.startswith("CVE-2021-44228  critical 10.0  exploited\nRemote code injection in Log4j\n")
    for said in (
        "also GHSA-jfh8-c2jp-5v3q",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
        "exploited, listed 2021-12-10, to be mended by 2021-12-24, used by ransomware",
        "org.apache.logging.log4j:log4j-core",
        ">= 2.13.0, < 2.15.0",
        "\nosv     GHSA-jfh8-c2jp-5v3q  ",
    ):
        assert said in shown, said
    # In a pipe nothing is left out.
    document = json.loads(assay("show", LOG4SHELL, "--raw", "osv").stdout)
    assert [entry["url"] for entry in document["references"] if entry["url"] not in shown] == []


def test_the_finished_document_is_written_as_it_is(assay, ask):
    raw = assay("show", LOG4SHELL, "--raw", "osv").stdout_bytes
    assert json.loads(raw) == ask("show", LOG4SHELL)["osv"]
    assert raw.count(b"\n") == 1


def test_provenance_names_who_said_what(assay, ask):
    fields = {entry["field"]: entry for entry in ask("show", LOG4SHELL, "--provenance")["provenance"]}
    assert fields["summary"]["by"] == {
        "claim": "osv:GHSA-jfh8-c2jp-5v3q",
        "value": "Remote code injection in Log4j",
    }
    assert {word["claim"].partition(":")[0] for word in fields["summary"]["against"]} == {"gitlab"}
    assert fields["exploited"]["by"]["claim"] == f"kev:{LOG4SHELL}"
    assert len(fields["references"]["also"]) > 1
    shown = assay("show", LOG4SHELL, "--provenance").stdout
    assert "  = osv:GHSA-jfh8-c2jp-5v3q\n    Remote code injection in Log4j\n" in shown
    assert re.search(r"  ≠ gitlab:maven/\S+/CVE-2021-44228\n    Improper Neutralization", shown)
    assert [field for field in fields if f"\n{field}\n" not in shown] == []


def test_every_field_of_every_kind_is_explained(ask):
    """Claims of every source, with ranges, scores, products and what passes through verbatim."""
    for source in ("osv", "gitlab", "cve", "kev"):
        for hit in ask("search", "--source", source, "--limit", "3", "--withdrawn")["hits"]:
            found = ask("show", hit["name"], "--provenance")
            claims = {f"{claim['source']}:{claim['record_id']}" for claim in found["claims"]}
            words = [
                word
                for entry in found["provenance"]
                for word in (entry["by"], *entry["against"], *entry["also"])
            ]
            assert words
            assert {word["claim"] for word in words} <= claims
            assert [word for word in words if word["value"] is None] == []


def test_history_has_the_change_log_and_the_scores(assay, ask):
    scored = next(hit for hit in pages(ask, "--min-epss", "0") if hit["name"].startswith("CVE-"))
    found = ask("show", scored["name"], "--history")
    assert [change["what"] for change in found["history"]] == ["added"]
    assert [score["scored_on"] for score in found["epss_history"]] == ["2021-08-31"]
    assert "2021-08-31" in assay("show", scored["name"], "--history").stdout


def test_pages_end_and_repeat_nothing(ask):
    hits = pages(ask, "--limit", "251")
    states = ask("catalog", "stats")["states"]
    assert len({hit["name"] for hit in hits}) == len(hits) == states["published"] + states["disputed"]
    modified = [hit["modified_at"] or "" for hit in hits]
    assert modified == sorted(modified, reverse=True)
    everything = pages(ask, "--limit", "500", "--withdrawn")
    assert len(everything) == sum(states.values())


def test_filters_let_through_what_they_say(ask):
    severe = pages(ask, "--severity", "high", "--limit", "500")
    assert {hit["severity"] for hit in severe} == {"high", "critical"}
    assert all(hit["is_exploited"] for hit in pages(ask, "--kev", "--limit", "500"))
    assert all(hit["epss"] >= 0.2 for hit in pages(ask, "--min-epss", "0.2"))
    assert all("gitlab" in hit["sources"] for hit in pages(ask, "--source", "gitlab", "--limit", "500"))
    since = [hit["modified_at"] for hit in pages(ask, "--since", "2025-01-01", "--limit", "500")]
    assert since
    assert min(since) >= "2025-01-01"
    assert [
        hit["name"] for hit in ask("search", "--package", "org.apache.logging.log4j:log4j-core")["hits"]
    ] == [LOG4SHELL]
    assert LOG4SHELL in {hit["name"] for hit in pages(ask, "--ecosystem", "Maven", "--kev")}
    assert (
        ask("search", "--ecosystem", "PyPI", "--package", "org.apache.logging.log4j:log4j-core")["hits"] == []
    )


def test_filters_add_up(ask):
    both = {hit["name"] for hit in pages(ask, "--ecosystem", "Maven", "--severity", "critical")}
    assert both
    assert both == {hit["name"] for hit in pages(ask, "--ecosystem", "Maven")} & {
        hit["name"] for hit in pages(ask, "--severity", "critical")
    }


def test_a_text_finds_words_and_an_identifier_finds_its_own(ask):
    assert LOG4SHELL in {hit["name"] for hit in ask("search", "remote", "code", "log4j")["hits"]}
    assert [hit["name"] for hit in ask("search", "ghsa-jfh8-c2jp-5v3q")["hits"]] == [LOG4SHELL]
    hidden = next(
        hit
        for hit in pages(ask, "--withdrawn", "--limit", "500")
        if hit["state"] in ("withdrawn", "rejected")
    )
    assert hidden["name"] not in {hit["name"] for hit in pages(ask, "--limit", "500")}
    assert [hit["name"] for hit in ask("search", hidden["name"])["hits"]] == [hidden["name"]]
    assert ask("search", hidden["name"], "--kev")["hits"] == []


def test_the_next_page_is_one_command_away(assay):
    first = assay("search", "--severity", "high", "--limit", "3")
    command = first.stderr.strip().removeprefix("next page: assay ")
    second = assay(*command.split())
    names = [re.findall(r"^[A-Z]\S+-\S+", page.stdout, re.MULTILINE) for page in (first, second)]
    assert [len(page) for page in names] == [3, 3]
    assert set(names[0]).isdisjoint(names[1])


def test_nothing_found_is_no_error(assay, ask):
    assert assay("search", "xyzzyplugh").stdout == ""
    assert "nothing found" in assay("search", "xyzzyplugh").stderr
    assert ask("search", "xyzzyplugh") == {"hits": [], "next_cursor": None}


@pytest.mark.parametrize(
    "line",
    [
        *("sources", "sources --documents", "show CVE-2021-44228 --provenance --history", "search log4j"),
        *("catalog stats", "catalog check", "catalog decisions", "catalog policy show", "catalog rebuild"),
        *(
            "catalog merge",
            "quarantine",
            "quarantine list",
            "quarantine replay",
            "migrate",
            "migrate --check",
        ),
        *("doctor", "version"),
    ],
)
def test_every_command_speaks_json_and_nothing_else(assay, line):
    result = assay(*line.split(), "--json")
    assert json.loads(result.stdout) is not None
    if line != "catalog rebuild":  # once is enough for what takes long
        assert assay(*line.split()).stdout.strip() != ""


def test_times_in_json_are_utc_whatever_the_server_thinks(assay, ask, loaded):
    with psycopg.connect(loaded["ASSAY_DATABASE_URL"], autocommit=True) as conn:
        name = conn.info.dbname
        conn.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'")
        try:
            there = assay("show", LOG4SHELL, "--json").stdout
        finally:
            conn.execute(f'ALTER DATABASE "{name}" RESET timezone')
    assert there == assay("show", LOG4SHELL, "--json").stdout
    assert "+09:00" not in there


def test_sources_are_fresh_until_they_are_stale(assay, ask, loaded):
    sources = {entry["source"]: entry for entry in ask("sources")}
    assert {name: entry["freshness"] for name, entry in sources.items()} == dict.fromkeys(sources, "fresh")
    assert {name: entry["records"] for name, entry in sources.items()} == {
        "cve": 750, "epss": 1660, "gitlab": 500, "kev": 126, "osv": 1000,
    }  # fmt: skip
    assert sources["osv"]["last_run"]["counts"]["read"] == 1000
    with psycopg.connect(loaded["ASSAY_DATABASE_URL"]) as conn:
        conn.execute(
            "UPDATE advisories.documents SET fetched_at = %s WHERE source = 'kev'",
            (datetime.now(UTC) - timedelta(days=3),),
        )
        conn.commit()
        try:
            assert {entry["source"]: entry["freshness"] for entry in ask("sources")}["kev"] == "stale"
            assert "stale, read 3 days ago" in assay("sources").stdout
            health = {finding["what"]: finding for finding in ask("doctor")["findings"]}
            assert health["sources"]["grade"] == "warning"
            assert "oldest is kev, read 3 days ago" in health["sources"]["said"]
        finally:
            conn.execute(
                "UPDATE advisories.documents SET fetched_at = %s WHERE source = 'kev'", (datetime.now(UTC),)
            )
            conn.commit()


def test_the_policy_is_shown_as_it_is_written(assay, ask):
    written = (ROOT / "src" / "assay" / "catalog" / "policy" / "merge.toml").read_text(encoding="utf-8")
    assert assay("catalog", "policy", "show").stdout == written
    assert ask("catalog", "policy", "show")["policy"]["priority"][0] == "osv"


def test_a_policy_diff_changes_nothing(assay, ask, tmp_path):
    before = ask("catalog", "stats")["digest"]
    mine = tmp_path / "mine.toml"
    shipped = assay("catalog", "policy", "show").stdout
    mine.write_text(shipped)
    assert ask("catalog", "policy", "diff", str(mine))["differing"] == 0
    mine.write_text(shipped.replace('"osv", "gitlab", "cve"', '"cve", "gitlab", "osv"'))
    diff = ask("catalog", "policy", "diff", str(mine), "--examples", "3")
    assert 0 < diff["differing"] <= diff["vulnerabilities"]
    assert diff["fields"]["summary"] > 0
    assert len(diff["examples"]) == 3
    assert ask("catalog", "stats")["digest"] == before


@pytest.mark.parametrize("content", ["priority = [", "colour = 1", 'priority = "osv"'])
def test_a_wrong_policy_says_what_is_wrong(assay, tmp_path, content):
    mine = tmp_path / "mine.toml"
    mine.write_text(content)
    said = assay("catalog", "policy", "diff", str(mine), code=2).stderr
    assert said.startswith(f"Error: {mine}: ")


def test_a_ban_parts_what_a_record_joined(assay, ask):
    """A pair of names that one claim gives, kept apart and brought back."""
    before = ask("catalog", "stats")["digest"]
    banned = ask("catalog", "ban", LOG4SHELL, "GHSA-jfh8-c2jp-5v3q", "--reason", "to try it", "--by", "eve")
    assert {change["name"] for change in banned["changes"]} >= {LOG4SHELL, "GHSA-jfh8-c2jp-5v3q"}
    assert ask("show", "GHSA-jfh8-c2jp-5v3q")["name"] == "GHSA-jfh8-c2jp-5v3q"
    [decision] = ask("catalog", "decisions")
    assert (decision["kind"], decision["reason"], decision["decided_by"]) == ("ban", "to try it", "eve")
    assert "to try it" in assay("catalog", "decisions").stdout
    told = assay("catalog", "forget", "ghsa-jfh8-c2jp-5v3q", LOG4SHELL)
    assert f"changed {LOG4SHELL}" in re.sub(" +", " ", told.stdout)
    assert "removed GHSA-jfh8-c2jp-5v3q" in re.sub(" +", " ", told.stdout)
    assert ask("catalog", "stats")["digest"] == before
    rows = ask("audit", "--action", "catalog.")["rows"]
    assert [row["action"] for row in rows] == ["catalog.undecide", "catalog.ban"]
    assert (rows[1]["name"], rows[1]["kind"]) == ("eve", "local")
    assert rows[1]["detail"] == {"reason": "to try it"}


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("show CVE-1999-99999", 3, "no vulnerability is known as 'CVE-1999-99999'"),
        ("show CVE-2021-4422", 3, "did you mean CVE-2021-44228?"),
        ("sync ovs", 3, "no source is called 'ovs'; there are cve, epss, gitlab, kev, osv"),
        ("search --source ovs", 3, "no source is called 'ovs'"),
        ("quarantine --source ovs", 3, "no source is called 'ovs'"),
        ("quarantine show 99", 3, "quarantine holds no record 99"),
        ("quarantine replay 99", 3, "quarantine holds no record 99"),
        ("quarantine drop 99", 3, "quarantine holds no record 99"),
        ("catalog forget CVE-2021-44228 CVE-2021-45046", 3, "nobody decided anything"),
        ("catalog pin CVE-2021-44228 CVE-1999-99999 --reason x", 3, "CVE-1999-99999"),
        ("catalog pin CVE-2021-44228 cve-2021-44228 --reason x", 4, "two different names"),
        ("search --cursor nonsense", 4, "is not the cursor of a page"),
        ("catalog policy diff no-such-file.toml", 2, "no-such-file.toml cannot be read: No such file"),
        ("sync osv kev --from all.zip", 2, "say for which source"),
        ("search --severity terrible", 2, "--severity"),
        ("search --min-epss 2", 2, "--min-epss"),
        ("search --limit 0", 2, "--limit"),
        ("quarantine --source kev replay", 2, "--source: write it behind `replay`"),
        ("quarantine --json list", 2, "--json: write it behind `list`"),
        ("quarantine show 99999999999999999999", 2, "less than or equal to"),
        ("catalog pin CVE-2021-44228", 2, "Missing argument"),
        ("no-such-command", 2, "No such command"),
        ("search --bogus", 2, "No such option: --bogus"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_why(assay, line, code, said):
    result = assay(*line.split(), code=code)
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_failed_source_fails_the_command_and_not_the_others(assay, ask):
    report = ask(
        "sync",
        "kev",
        "osv",
        "--from",
        "kev=no-such-file.json",
        "--from",
        f"osv={ROOT / 'sample' / 'osv.zip'}",
        code=1,
    )
    kev, osv = report["sources"]
    assert (report["is_good"], kev["outcome"], osv["outcome"]) == (False, "failed", "unchanged")
    assert "no-such-file.json does not exist" in kev["error"]
    assert osv["read"] == osv["claims"] + osv["quarantined"] == 1000
    assert (
        "failed: no-such-file.json does not exist"
        in assay("sync", "kev", "--from", "no-such-file.json", code=1).stdout
    )


def test_wrong_settings_are_named(assay):
    assert "ASSAY_PROCESSES" in assay("catalog", "stats", code=2, ASSAY_PROCESSES="many").stderr
    assert "PostgreSQL cannot be reached" in assay(
        "catalog", "stats", code=75, ASSAY_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    ).stderr  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASSAY_WORKER_QUEUES", "default", "wrong settings: ASSAY_WORKER_QUEUES is not JSON"),
        ("ASSAY_ALERTS__OFF", "backlog", "wrong settings: ASSAY_ALERTS__OFF is not JSON"),
        ("ASSAY_SCHEDULES", "9" * 5000, "wrong settings: a variable of a list or table is not JSON"),
        ("ASSAY_RETENTION_DAYS", "99999999999", "ASSAY_RETENTION_DAYS: Input should be less than"),
        ("ASSAY_SIGN_IN__IDLE_MINUTES", "inf", "ASSAY_SIGN_IN__IDLE_MINUTES: Input should be less than"),
        ("ASSAY_DATABASE_URL", "postgresql//ann:hushhush@db/assay", "ASSAY_DATABASE_URL is no address"),
    ],
)
def test_a_setting_that_cannot_be_read_is_no_bug(assay, name, value, said):
    told = assay("catalog", "decisions", code=2, **{name: value}).stderr
    assert said in told
    assert "hushhush" not in told


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASSAY_MERGE_POLICY", "no-such-file.toml", "no-such-file.toml cannot be read"),
        ("ASSAY_SCHEDULES", '{"osv": "sometimes"}', "'sometimes' is no schedule"),
        ("ASSAY_SOURCES__OVS__URL", "https://example.org/", "sources that do not exist: ovs"),
        ("ASSAY_ALERTS__OFF", '["noise"]', "no alert rule is called 'noise'"),
        ("ASSAY_FEEDS__REACHABLE", '["10.0.0.0/99"]', "is no host, address or network"),
        ("ASSAY_FEEDS__KEYS", '["short"]', "is no Fernet key"),
    ],
)
def test_settings_that_no_command_can_use_make_an_installation_sick(ask, loaded, name, value, said):
    found = ask("doctor", code=1, **{name: value})
    [sick] = [finding for finding in found["findings"] if finding["grade"] == "failed"]
    assert sick["what"] == "settings"
    assert said in sick["said"]
    assert not (Path(loaded["ASSAY_HOME"]) / "secrets.key").exists(), "looking makes no key"


def test_a_home_by_option_outranks_the_environment(assay, tmp_path):
    found = json.loads(assay("--home", str(tmp_path / "mine"), "doctor", "--json").stdout)
    assert {"what": "home", "grade": "ok", "said": str(tmp_path / "mine"), "advice": None} in found[
        "findings"
    ]


def test_a_sick_installation_is_told_so(assay, ask, tmp_path, loaded):
    (tmp_path / "file").write_text("in the way")
    found = ask("doctor", code=1, ASSAY_HOME=str(tmp_path / "file"))
    assert found["is_healthy"] is False
    assert [finding["what"] for finding in found["findings"] if finding["grade"] == "failed"] == ["home"]
    shown = assay("doctor", code=1, ASSAY_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none").stdout
    assert "failed  database  PostgreSQL cannot be reached" in shown
    assert "1 check failed" in shown


def test_a_broken_law_fails_the_check(assay, ask, loaded):
    with psycopg.connect(loaded["ASSAY_DATABASE_URL"], autocommit=True) as conn:
        assert ask("catalog", "check")["is_sound"] is True
        conn.execute("INSERT INTO catalog.identifiers VALUES ('CVE-2000-0001', 0, '{}')")
        try:
            assert ask("catalog", "check", code=1)["faults"]["names_that_find_nothing"] == 1
            assert "failed  names that find nothing: 1" in assay("catalog", "check", code=1).stdout
            assert {f["grade"] for f in ask("doctor", code=1)["findings"] if f["what"] == "catalog"} == {
                "failed"
            }
        finally:
            conn.execute("DELETE FROM catalog.identifiers WHERE identifier = 'CVE-2000-0001'")


def test_a_catalog_of_two_policies_is_told(assay, ask, loaded, tmp_path):
    def rules(**environment):
        found = ask("doctor", **environment)["findings"]
        return [(finding["grade"], finding["advice"]) for finding in found if finding["what"] == "rules"]

    mine = tmp_path / "mine.toml"
    mine.write_text(
        assay("catalog", "policy", "show").stdout.replace("review_below = 0.8", "review_below = 0.7")
    )
    assert rules() == []
    assert rules(ASSAY_MERGE_POLICY=str(mine)) == [("warning", "run `assay catalog rebuild`")]


def test_an_empty_database_is_said_to_be_behind(assay, ask, server):
    url = server.url
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE DATABASE behind")
    behind = server.database_url("behind")
    try:
        assert "run `assay migrate`" in assay("catalog", "stats", code=2, ASSAY_DATABASE_URL=behind).stderr
        pending = ask("migrate", "--check", code=1, ASSAY_DATABASE_URL=behind)
        assert pending["applied"] == []
        assert len(pending["pending"]) == pending["version"]
        assert {
            f["grade"]
            for f in ask("doctor", code=1, ASSAY_DATABASE_URL=behind)["findings"]
            if f["what"] == "migrations"
        } == {"failed"}
        assert "applied  0001 jobs" in assay("migrate", ASSAY_DATABASE_URL=behind).stdout
        assert ask("migrate", "--check", ASSAY_DATABASE_URL=behind)["pending"] == []
        assert ask("catalog", "stats", ASSAY_DATABASE_URL=behind)["vulnerabilities"] == 0
        assert "none was read yet" in assay("doctor", ASSAY_DATABASE_URL=behind).stdout
    finally:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("DROP DATABASE behind WITH (FORCE)")
