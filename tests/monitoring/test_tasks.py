"""A look and what follows it, with a real mail server and a real receiver of requests."""

import json
from datetime import timedelta

import pytest

from assay.bootstrap.loading import load_alerting
from assay.errors import Conflict, NotFound, Permanent, Transient
from assay.jobs.ledger import Outcome
from assay.kit.signing import read_secret, signature
from assay.monitoring import commands, queries, tasks
from assay.monitoring.model import AlertState, Rule
from assay.settings import AlertSettings
from monitoring.floor import a_run, a_worker, ended
from receivers import mail_server, receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def mailbox():
    with mail_server() as found:
        yield found


@pytest.fixture
def hook():
    with receiver() as found:
        yield found


@pytest.fixture
def ctx(make_context, mailbox, hook):
    made = make_context(
        alerts={
            "channels": {"mail": mailbox.address},
            "webhooks": {"hook": {"url": hook.url, "secret": SECRET}},
            "off": ["task_failed", "error_rate"],
        }
    )
    with made.db.transaction() as conn:
        a_worker(conn)
    return made


def fail(ctx, times: int) -> None:
    with ctx.db.transaction() as conn:
        for number in range(times):
            a_run(conn, ctx.clock() + timedelta(seconds=number), Outcome.FAILED, detail="no route to host")


def deliver_all(ctx) -> int:
    """Run the deliveries that were deferred, as a worker would."""
    with ctx.db.transaction() as conn:
        args = conn.execute(
            "SELECT args FROM jobs.procrastinate_jobs WHERE task_name = 'monitoring.deliver' AND status = 'todo' "
            "ORDER BY id"
        ).fetchall()
    return sum(tasks.deliver(ctx, one[0]["delivery"]) for one in args)


def test_an_alert_is_told_once_when_it_opens_and_once_when_it_is_over(ctx, mailbox, hook):
    assert tasks.watch(ctx).opened == ()
    fail(ctx, 3)
    (opened,) = tasks.watch(ctx).opened
    assert (opened.rule, opened.subject) == (Rule.SOURCE_FAILING, "advisories osv")
    fail(ctx, 2)
    assert tasks.watch(ctx).opened == ()
    assert deliver_all(ctx) == 2
    mail = mailbox.next()
    assert mail["Subject"] == "[warning] source failing: advisories osv"
    assert (mail["To"], "assay@example.org" in mail["From"]) == ("ops@example.org", True)
    assert "failed 3 times in a row: no route to host" in mail.get_body(("plain",)).get_content()
    sent = hook.next()
    assert sent.is_signed_with(read_secret(SECRET))
    told = json.loads(sent.body)
    assert (told["type"], told["data"]["value"], told["data"]["state"]) == ("alert.opened", 3.0, "open")
    with ctx.db.transaction() as conn:
        a_run(conn, ctx.clock() + timedelta(minutes=1))
    (resolved,) = tasks.watch(ctx).resolved
    assert resolved.id == opened.id
    assert deliver_all(ctx) == 2
    assert mailbox.next()["Subject"] == "[resolved] source failing: advisories osv"
    assert json.loads(hook.next().body)["type"] == "alert.resolved"
    assert deliver_all(ctx) == 0
    assert (mailbox.mails.empty(), hook.sent.empty()) == (True, True)


def test_twenty_failures_in_a_row_are_critical(ctx, hook):
    fail(ctx, 20)
    opened = {one.rule: one.severity for one in tasks.watch(ctx).opened}
    assert opened == {Rule.SOURCE_FAILING: "warning", Rule.SOURCE_PERSISTENTLY_FAILING: "critical"}


def test_a_receiver_that_is_down_is_tried_again(ctx, hook):
    fail(ctx, 3)
    tasks.watch(ctx)
    hook.answers.append(503)
    (key,) = [one.id for one in deliveries(ctx) if one.channel == "hook"]
    with pytest.raises(Transient, match="answered 503"):
        tasks.deliver(ctx, key)
    kept = next(one for one in deliveries(ctx) if one.id == key)
    assert (kept.tries, kept.sent_at) == (1, None)
    assert "503" in kept.error
    assert "s3cret-path" not in kept.error
    assert tasks.deliver(ctx, key)
    first, second = hook.next(), hook.next()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert not tasks.deliver(ctx, key)
    assert next(one for one in deliveries(ctx) if one.id == key).sent_at is not None


@pytest.mark.parametrize(
    ("status", "kind"), [(410, Permanent), (302, Permanent), (401, Permanent), (429, Transient)]
)
def test_what_a_receiver_answers_decides_what_happens(ctx, hook, status, kind):
    fail(ctx, 3)
    tasks.watch(ctx)
    hook.answers.append(status)
    (key,) = [one.id for one in deliveries(ctx) if one.channel == "hook"]
    with pytest.raises(kind):
        tasks.deliver(ctx, key)
    assert hook.next().path == "/hooks/s3cret-path"
    assert hook.sent.empty()


def test_a_mail_that_is_refused_is_tried_again(ctx, mailbox):
    fail(ctx, 3)
    tasks.watch(ctx)
    mailbox.refusals.append("451 come again")
    (key,) = [one.id for one in deliveries(ctx) if one.channel == "mail"]
    with pytest.raises(Transient, match="451"):
        tasks.deliver(ctx, key)
    assert tasks.deliver(ctx, key)
    assert mailbox.next()["To"] == "ops@example.org"


def deliveries(ctx):
    with ctx.db.transaction() as conn:
        return [
            one
            for alert in queries.list_alerts(conn, every=True)
            for one in queries.list_deliveries(conn, alert.id)
        ]


def test_an_acknowledged_alert_stays_until_it_is_over(ctx):
    fail(ctx, 3)
    (opened,) = tasks.watch(ctx).opened
    with ctx.db.transaction() as conn:
        alert = commands.look_after(conn, opened.id, "eve", "the mirror is down", ctx.clock())
    assert (alert.state, alert.acknowledged_by, alert.note) == ("acknowledged", "eve", "the mirror is down")
    fail(ctx, 1)
    assert tasks.watch(ctx).opened == ()
    with ctx.db.transaction() as conn:
        assert queries.get_alert(conn, opened.id).state is AlertState.ACKNOWLEDGED
        a_run(conn, ctx.clock() + timedelta(minutes=1))
    assert [one.id for one in tasks.watch(ctx).resolved] == [opened.id]
    with ctx.db.transaction() as conn:
        with pytest.raises(Conflict):
            commands.look_after(conn, opened.id, "eve", None, ctx.clock())
        with pytest.raises(NotFound):
            commands.look_after(conn, 10**9, "eve", None, ctx.clock())


def test_what_wakes_again_is_a_new_alert(ctx):
    fail(ctx, 3)
    (first,) = tasks.watch(ctx).opened
    with ctx.db.transaction() as conn:
        a_run(conn, ctx.clock() + timedelta(minutes=1))
    tasks.watch(ctx)
    with ctx.db.transaction() as conn:
        for number in range(3):
            a_run(conn, ctx.clock() + timedelta(minutes=2 + number), Outcome.FAILED)
    (second,) = tasks.watch(ctx).opened
    assert second.id > first.id


def test_without_workers_another_looks_and_delivers(ctx, mailbox):
    with ctx.db.transaction() as conn:
        conn.execute("DELETE FROM jobs.procrastinate_workers")
    assert commands.stand_in(ctx)
    # The workers have a minute before it is an alert; nobody looked meanwhile.
    assert not commands.stand_in(ctx)
    with ctx.db.transaction() as conn:
        conn.execute("UPDATE monitoring.horizons SET observed_at = now() - interval '5 minutes'")
        conn.execute("UPDATE monitoring.alerts SET breached_at = now() - interval '5 minutes'")
    assert commands.stand_in(ctx)
    assert mailbox.next()["Subject"] == "[critical] worker down: workers"
    # The workers that come back find it delivered.
    assert deliver_all(ctx) == 0


def test_channels_can_be_tried(ctx, mailbox, hook):
    hook.answers.append(500)
    tried = {one.channel: one.error for one in commands.try_channels(ctx, [])}
    assert tried["mail"] is None
    assert "500" in tried["hook"]
    assert mailbox.next()["Subject"] == "[test] Assay can reach you"
    assert json.loads(hook.next().body)["type"] == "alert.test"
    with pytest.raises(NotFound, match="'pager'; there are mail, hook"):
        commands.try_channels(ctx, ["pager"])


def test_without_channels_alerts_are_kept_all_the_same(make_context):
    ctx = make_context(alerts={"off": ["worker_down"]})
    fail(ctx, 3)
    assert len(tasks.watch(ctx).opened) == 1
    assert deliveries(ctx) == []
    with pytest.raises(NotFound, match="ASSAY_ALERTS__CHANNELS"):
        commands.try_channels(ctx, [])


def test_a_dead_letter_is_an_alert_until_somebody_has_dealt_with_it(make_context):
    ctx = make_context(alerts={"off": ["worker_down"]})
    with ctx.db.transaction() as conn:
        job = ended(conn, "failed")
    (opened,) = tasks.watch(ctx).opened
    assert (opened.rule, "it broke" in opened.message) == (Rule.TASK_FAILED, True)
    from assay.jobs.commands import discard

    with ctx.db.transaction() as conn:
        discard(conn, [job], "eve", None)
    assert [one.id for one in tasks.watch(ctx).resolved] == [opened.id]


def test_an_address_that_is_none_is_not_shown(make_context):
    ctx = make_context(alerts={"channels": {"odd": "nothing://user:hunter2@example.org"}})
    (tried,) = commands.try_channels(ctx, [])
    assert "(nothing)" in tried.error
    assert "hunter2" not in tried.error
    assert "hunter2" not in repr(ctx.settings) + repr(ctx.alerting)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"off": ["backlogs"]}, "no alert rule is called 'backlogs'"),
        ({"webhooks": {"a": {"url": "http://x", "secret": "short"}}}, "24 to 64 bytes"),
        ({"webhooks": {"a": {"url": "http://x", "secret": "whsec_?"}}}, "not base64"),
        (
            {"channels": {"a": "json://x"}, "webhooks": {"a": {"url": "http://x", "secret": SECRET}}},
            "both called 'a'",
        ),
    ],
)
def test_settings_that_cannot_work_are_told(wrong, said):
    with pytest.raises(Permanent, match=said):
        load_alerting(AlertSettings.model_validate(wrong))


def test_minutes_of_the_settings_are_seconds_of_the_rules():
    alerting = load_alerting(
        AlertSettings.model_validate(
            {"raise_after_minutes": {"backlog": 2}, "clear_after_minutes": {"backlog": 0}}
        )
    )
    patience = alerting.thresholds.patience[Rule.BACKLOG]
    assert (patience.raise_after, patience.clear_after) == (120, 0)
    assert alerting.thresholds.patience[Rule.WORKER_DOWN].raise_after == 60


def test_signatures_are_those_of_the_specification():
    """The example that the Standard Webhooks libraries are tested with."""
    body = b'{"test": 2432232314}'
    assert (
        signature(read_secret(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
