"""People, tokens and the audit log on the command line."""

import csv
import json

import pytest


@pytest.fixture(autouse=True)
def clean(loaded):
    from assay.kit.db import Database

    yield
    with Database(loaded["ASSAY_DATABASE_URL"]).connection() as conn:
        conn.execute("TRUNCATE auth.people, auth.tokens, auth.audit, auth.sessions, auth.links, auth.filters")
        conn.commit()


def test_a_person_from_beginning_to_end(assay, ask):
    made = ask("users", "add", "ada", "--role", "admin", "--by", "op")
    assert (made["person"]["name"], made["person"]["role"]) == ("ada", "admin")
    assert made["link"].startswith("http://127.0.0.1:8080/sign-in/link?token=")
    ask("users", "add", "eve")
    assert "somebody is called Ada already" in assay("users", "add", "Ada", code=4).stderr
    assert "the only admin" in assay("users", "disable", "ada", code=4).stderr
    assert ask("users", "role", "eve", "admin")["role"] == "admin"
    assert ask("users", "disable", "ada")["is_disabled"] is True
    assert "disabled" in assay("users", "link", "ada", code=4).stderr
    assert ask("users", "enable", "ada")["is_disabled"] is False
    assert [one["name"] for one in ask("users", "list")] == ["ada", "eve"]
    assert "ada" in assay("users", "list").stdout
    assay("users", "role", "nobody", "viewer", code=3)
    assay("users", "role", "eve", "king", code=2)
    assay("users", "add", "a b", code=2)
    rows = ask("audit", "--action", "people.", "--name", "op")["rows"]
    assert [(row["action"], row["subject"], row["kind"]) for row in rows] == [
        ("people.link", "ada", "local"),
        ("people.add", "ada", "local"),
    ]


def test_a_link_where_people_reach_the_service(ask):
    ask("users", "add", "ada")
    told = ask("users", "link", "ada", ASSAY_WEB_PUBLIC_URL="https://assay.example.org/")
    assert told["link"].startswith("https://assay.example.org/sign-in/link?token=")
    assert told["purpose"] == "sign-in"
    assert ask("users", "link", "ada", "--choose-password")["purpose"] == "password"


def test_a_password_is_read_from_stdin_and_never_an_argument(assay, loaded):
    from typer.testing import CliRunner

    from assay.cli import app

    assay("users", "add", "ada")
    for given, code in (("correct horse battery\n", 0), ("short\n", 2)):
        found = CliRunner().invoke(app, ["users", "password", "ada"], input=given, env=loaded)
        assert found.exit_code == code, found.stderr
        assert given.strip() not in found.stdout


def test_tokens(assay, ask):
    made = ask("tokens", "add", "ci", "--scope", "scan", "--scope", "metrics", "--days", "30")
    assert made["secret"].startswith("assay_")
    assert made["token"]["scopes"] == ["metrics", "scan"]
    plain = assay("tokens", "add", "other")
    assert plain.stdout.strip().startswith("assay_")
    assert "not shown again" in plain.stderr
    assay("tokens", "add", "ci", code=4)
    assay("tokens", "add", "x", "--of", "nobody", code=3)
    assay("tokens", "add", "x", "--scope", "everything", code=2)
    assert "never" in assay("tokens", "list").stdout
    assert ask("tokens", "revoke", "other")["revoked_at"]
    assay("tokens", "revoke", "other", code=3)
    assay("tokens", "revoke", "99999999", code=3)
    assert [one["name"] for one in ask("tokens", "list")] == ["ci"]
    assert {one["name"] for one in ask("tokens", "list", "--all")} == {"ci", "other"}


def test_the_audit_log(assay, ask, tmp_path):
    assert "Nothing that matches" in assay("audit").stdout
    for name in ("one", "two", "three"):
        ask("tokens", "add", name)
    page = ask("audit", "--limit", "2")
    assert [row["subject"] for row in page["rows"]] == ["three", "two"]
    rest = ask("audit", "--before", str(page["next_before"]))
    assert ([row["subject"] for row in rest["rows"]], rest["next_before"]) == (["one"], None)
    assert "--before" in assay("audit", "--limit", "2").stdout
    assert ask("audit", "--since", "1h", "--subject", "two")["rows"][0]["detail"]["role"] == "viewer"
    assert ask("audit", "--until", "1h")["rows"] == []
    assert ask("audit", "--export", str(tmp_path / "a.csv"))["rows"] == 3
    with open(tmp_path / "a.csv", newline="") as file:
        assert [row["subject"] for row in csv.DictReader(file)] == ["three", "two", "one"]
    assay("audit", "--export", str(tmp_path / "a.json"))
    assert len(json.loads((tmp_path / "a.json").read_text())) == 3
    assay("audit", "--export", str(tmp_path / "a.xml"), code=2)
