"""An upload becomes a run: complete or not there at all, with every setting and no secret."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from assay.bootstrap import Context
from assay.errors import NotFound, Permanent, Transient
from assay.jobs import queries as jobs
from assay.kit.budget import UnpackLimits
from assay.kit.compression import decompress
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.tasks import loading
from assay.pipelines.configs.tasks.parsing import parse, parse_run
from pipelines.configs.counting import count_archive
from pipelines.configs.making import ANN, SAMPLE, note, parsed, tarred

TABLES = ("files", "stanzas", "settings", "contents", "problems", "documented", "apps", "objects", "lookups")


def rows(ctx: Context, run: int) -> dict[str, int]:
    with ctx.db.transaction() as conn:
        return {
            table: conn.execute(f"SELECT count(*) FROM configs.{table} WHERE run = %s", (run,)).fetchone()[0]
            for table in TABLES
        }


def everything(ctx: Context) -> str:
    """All that the database holds of configurations, and of its log, as one text."""
    with ctx.db.transaction() as conn:
        tables = [f"configs.{table}" for table in (*TABLES, "runs")] + ["auth.audit", "jobs.runs"]
        return "\n".join(
            str(row) for table in tables for row in conn.execute(f"SELECT * FROM {table}").fetchall()
        )


def test_the_sample_is_stored_whole(ctx):
    run = note(ctx, SAMPLE.read_bytes(), file_name=SAMPLE.name, is_deferred=False).run
    assert (run.status, run.completed_at) == ("stored", None)
    run = uploading.parse_now(ctx, run, lambda _: None)
    assert run.status == "complete"
    files, settings = count_archive(SAMPLE)
    assert (run.counts["files"], run.counts["settings"]) == (files, settings)
    with ctx.db.transaction() as conn:
        assert queries.count_settings(conn, run) == settings
        confs = queries.list_confs(conn, run)
        assert sum(one.settings for one in confs) == settings
        problems = {(one.path.rpartition("/")[2], one.code) for one in queries.list_problems(conn, run)}
        assert ("latin1.conf", "not-utf8") in problems
        apps = {(one.area, one.app): one.is_enabled for one in queries.list_apps(conn, run.number)}
    assert apps["app", "zzz_org_disabled"] is False
    assert apps["app", "000_org_base"] is True
    assert run.seconds is not None
    assert run.seconds >= 0


def test_every_setting_knows_its_place(ctx):
    run = parsed(ctx, {"x/etc/apps/a/local/inputs.conf": "# c\n[monitor:///x]\nindex = i\nlong = a\\\nb\n"})
    with ctx.db.transaction() as conn:
        [layer] = queries.load_layers(conn, run.number, "inputs")
    assert (layer.path, layer.place.app, layer.place.scope) == (
        "x/etc/apps/a/local/inputs.conf",
        "a",
        "local",
    )
    [stanza] = layer.stanzas
    assert (stanza.name, stanza.line) == ("monitor:///x", 2)
    assert [(one.key, one.value, one.line, one.end) for one in stanza.settings] == [
        ("index", "i", 3, 3),
        ("long", "a\nb", 4, 5),
    ]


def test_no_secret_is_stored_and_equal_ones_look_equal(ctx):
    secret = "hunter2-correct-horse"
    run = parsed(
        ctx,
        {
            "etc/system/local/server.conf": f"[general]\npass4SymmKey = {secret}\n[other]\npass4SymmKey = different\n",
            "etc/apps/a/local/outputs.conf": f"[tcpout:a]\nsslPassword = {secret}\nuri = https://u:{secret}@example.org\n",
            "etc/apps/a/local/b.conf": f"[http://u:{secret}@example.org/]\npassword: {secret}\nk = v\n",
        },
    )
    assert secret not in everything(ctx)
    with ctx.db.transaction() as conn:
        found = queries.search(conn, run, text="<redacted")
        values = {(one.conf, one.stanza, one.key): one.value for one in found}
    one = values["server", "general", "pass4SymmKey"]
    assert one == values["outputs", "tcpout:a", "sslPassword"]
    assert one != values["server", "other", "pass4SymmKey"]
    assert run.counts["secrets"] == 4
    with ctx.db.transaction() as conn:
        kept = conn.execute("SELECT stanzas FROM configs.contents WHERE run = %s", (run.number,)).fetchall()
    assert len(kept) == 3
    assert not any(secret.encode() in decompress(stanzas) for (stanzas,) in kept)
    # What was uploaded holds them, and is for its owner's eyes only.
    assert ctx.uploads.root.stat().st_mode & 0o777 == 0o700


def test_files_that_give_secrets_away_are_noted_and_not_read(ctx):
    run = parsed(
        ctx,
        {
            "etc/auth/splunk.secret": "s3cr3t-bytes",
            "etc/passwd": ":admin:$6$x",
            "etc/apps/a/local/a.conf": "k = v",
        },
    )
    assert len(run.notes) == 2
    assert "s3cr3t-bytes" not in everything(ctx)


def test_the_last_of_two_members_of_one_path_counts(ctx):
    run = parsed(
        ctx, {"etc/apps/a/local/a.conf": "k = old\n"}, {"etc/apps/a/local/a.conf": "k = new\nl = 2\n"}
    )
    with ctx.db.transaction() as conn:
        [layer] = queries.load_layers(conn, run.number, "a")
        assert [one.code for one in queries.list_problems(conn, run)] == ["twice"]
        assert queries.count_settings(conn, run) == run.counts["settings"] == 2
    assert [one.value for one in layer.stanzas[0].settings] == ["new", "2"]


def test_one_file_and_an_app_without_a_folder(ctx):
    run = note(ctx, b"[tcpout]\ndefaultGroup = a\n", file_name="outputs.conf", is_deferred=False).run
    assert uploading.parse_now(ctx, run, lambda _: None).counts["settings"] == 1
    run = parsed(ctx, {"default/app.conf": "[launcher]\nversion = 1.2\n"}, file_name="my_app.tgz")
    with ctx.db.transaction() as conn:
        assert [(one.app, one.version) for one in queries.list_apps(conn, run.number)] == [("my_app", "1.2")]


def test_the_same_upload_is_the_same_run(ctx):
    content = tarred({"etc/apps/a/local/a.conf": "k = v\n"})
    first, second = note(ctx, content, label="twice"), note(ctx, content, label="twice")
    assert (first.is_new, second.is_new, first.run.id) == (True, False, second.run.id)
    assert note(ctx, content, label="other").run.id != first.run.id
    with ctx.db.transaction() as conn:
        noted = conn.execute(
            "SELECT action, name FROM auth.audit WHERE subject = %s", (str(first.run.id),)
        ).fetchall()
        assert noted == [("configs.upload", "ann")]
        assert jobs.get_job(conn, first.run.job_id).subject == str(first.run.id)


def test_parsing_twice_changes_nothing(ctx):
    run = parsed(ctx, {"etc/apps/a/local/a.conf": "k = v\n"})
    before = rows(ctx, run.number)
    assert uploading.parse_now(ctx, run, lambda _: None) == run
    assert rows(ctx, run.number) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no archive", "no archive that can be read"),
        (tarred({"readme.txt": "x"}), "no configuration file"),
        (tarred({"etc/apps/a/local/a.conf": "k = v\n" * 1000})[:3000], "cut short"),
    ],
)
def test_a_run_that_fails_says_why_and_leaves_nothing(ctx, content, said):
    run = note(ctx, content, is_deferred=False).run
    with pytest.raises(Permanent, match=said):
        uploading.parse_now(ctx, run, lambda _: None)
    with ctx.db.transaction() as conn:
        found = queries.get_run(conn, run.id)
        ledger = conn.execute("SELECT outcome, detail FROM jobs.runs ORDER BY id DESC LIMIT 1").fetchall()
    assert found.status == "failed"
    assert said in (found.error or "")
    assert set(rows(ctx, found.number).values()) == {0}
    assert ledger == [("failed", found.error)]
    # The same bytes again are another try, which the first one then leaves alone.
    again = note(ctx, content, label=run.label)
    assert again.is_new
    with pytest.raises(Permanent, match=f"sent again as the run {again.run.id}"):
        uploading.parse_now(ctx, run, lambda _: None)


def test_limits_end_a_run(ctx, monkeypatch):
    run = note(
        ctx, tarred({f"etc/apps/a/local/{n}.conf": "[s]\nk = v\n" for n in range(20)}), is_deferred=False
    ).run
    with pytest.raises(Permanent, match="more than 10 files"):
        parse_run(ctx, run.id, progress=lambda _: None, limits=UnpackLimits(members=10))
    monkeypatch.setattr(loading, "MOST_STANZAS", 10)
    with pytest.raises(Permanent, match="more than 10 stanzas"):
        parse_run(ctx, run.id, progress=lambda _: None)
    monkeypatch.setattr(loading, "MOST_CONF_BYTES", 20)
    with pytest.raises(Permanent, match="more than 20 bytes"):
        parse_run(ctx, run.id, progress=lambda _: None)
    assert set(rows(ctx, run.number).values()) == {0}


def test_a_passing_fault_leaves_nothing_and_the_run_waits(ctx):
    run = note(ctx, SAMPLE.read_bytes()).run

    def fail(members: int) -> None:
        if members > 20:
            raise Transient("the network is gone")

    with pytest.raises(Transient):
        parse_run(ctx, run.id, progress=fail)
    with ctx.db.transaction() as conn:
        assert queries.get_run(conn, run.id).status == "stored"
    assert set(rows(ctx, run.number).values()) == {0}


def test_the_task_holds_its_job_and_a_run_that_is_gone_is_not_found(ctx):
    run = note(ctx, tarred({"etc/apps/a/local/a.conf": "k = v\n"})).run
    held = []

    class Job:
        id, attempt = run.job_id, 1

        def progress(self, done, total=None, message=None):
            held.append("progress")

        def own(self, conn):
            held.append("own")

    parse.function(ctx, Job(), run=str(run.id))
    assert held == ["own", "progress"]
    with pytest.raises(NotFound):
        parse.function(ctx, Job(), run=str(uuid4()))


def test_forgetting_a_run(ctx):
    run = parsed(ctx, {"etc/apps/a/local/a.conf": "to = be forgotten\n"})
    again = parsed(ctx, {"etc/apps/a/local/a.conf": "to = be forgotten\n"}, label="another")
    uploading.forget(ctx, str(run.id), ANN)
    assert ctx.uploads.has(run.sha256)
    assert set(rows(ctx, run.number).values()) == {0}
    assert rows(ctx, again.number)["settings"] == 1
    uploading.forget(ctx, "another", ANN)
    assert not ctx.uploads.has(run.sha256)
    with pytest.raises(NotFound):
        uploading.forget(ctx, "another", ANN)


def test_a_run_that_is_forgotten_is_not_parsed_any_more(ctx):
    run = note(ctx, tarred({"etc/apps/a/local/a.conf": "never = parsed\n"})).run
    uploading.forget(ctx, str(run.id), ANN)
    with ctx.db.transaction() as conn:
        assert jobs.get_job(conn, run.job_id).status == "cancelled"


def test_an_empty_upload_and_a_label_of_two_lines(ctx):
    with pytest.raises(Permanent, match="empty"):
        note(ctx, b"")
    with pytest.raises(Permanent, match="one line"):
        note(ctx, b"x", label="a\nb")


@pytest.mark.fault
def test_ten_kills_in_the_middle_leave_one_complete_run(ctx):
    run = note(ctx, SAMPLE.read_bytes(), file_name=SAMPLE.name, is_deferred=False).run
    killed = subprocess.run(
        [
            *(sys.executable, "-m", "pipelines.configs.dying"),
            *(str(ctx.settings.home), ctx.db.url, str(run.id), "10"),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path),
        },
    )
    assert killed.stdout.split() == ["9"] * 10
    assert set(rows(ctx, run.number).values()) == {0}
    done = uploading.parse_now(ctx, run, lambda _: None)
    files, settings = count_archive(SAMPLE)
    kept = rows(ctx, run.number)
    meta = sum(one.settings for one in _metas(ctx, run.number))
    assert (done.status, done.counts["files"], done.counts["settings"]) == ("complete", files, settings)
    assert kept["settings"] == settings + meta
    with ctx.db.transaction() as conn:
        assert [one.id for one in queries.list_runs(conn, label=run.label)] == [run.id]


def _metas(ctx: Context, run: int) -> list[queries.ConfFile]:
    with ctx.db.transaction() as conn:
        return queries.list_files(conn, run, queries.META)
