"""`/metrics`: what it prints can be read, and the dashboard and the rules that ship use nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from assay.auth.model import Role
from assay.jobs.ledger import Outcome
from assay.jobs.schedules import declare
from assay.monitoring import tasks
from monitoring.floor import TASK, a_run, a_worker, begun, ended, failed_attempt, waiting
from web_service import running_service

SHIPPED = files("assay.monitoring") / "shipped"
DASHBOARD = json.loads((SHIPPED / "grafana-dashboard.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((SHIPPED / "prometheus-rules.yaml").read_text(encoding="utf-8"))
EVERY_RULE = [rule for group in RULES["groups"] for rule in group["rules"]]
# Not Assay's: Prometheus says this of every target.
FOREIGN = {"up": {"job", "instance"}}

Printed = dict[str, set[str]]


@pytest.fixture
def service(make_context):
    """The service of an installation in which everything has happened once."""
    ctx = make_context(
        alerts={"channels": {"mail": "mailto://127.0.0.1:9?from=a@example.org&to=b@example.org"}}
    )
    with ctx.db.transaction() as conn:
        waiting(conn)
        job = begun(conn)
        for outcome, kind in (("error", "Transient"), ("crash", None), ("timeout", None)):
            failed_attempt(conn, job, outcome, kind)
        for status in ("succeeded", "failed", "cancelled"):
            ended(conn, status, wait=0.04, run=200)
        a_worker(conn)
        declare(conn, ctx.schedules)
        conn.execute("UPDATE jobs.schedules SET next_run_at = now(), last_run_at = now()")
        now = datetime.now(UTC)
        a_run(
            conn, now - timedelta(hours=2), counts={"new": 1, "changed": 1, "quarantined": 1, "tombstoned": 1}
        )
        a_run(conn, now, Outcome.REFUSED)
    tasks.watch(ctx)
    with running_service(ctx, Role.VIEWER) as found:
        yield found


def families(text: str) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def printed(text: str) -> Printed:
    """The labels of every sample, by its name."""
    found: Printed = {}
    for family in families(text).values():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def scrape(service) -> str:
    answer = service.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return answer.body.decode()


def sample(text: str, name: str, **labels: str) -> float:
    """The one sample of a name with these labels."""
    (found,) = [
        one.value
        for family in families(text).values()
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    ]
    return found


# A name, its matchers; `by (a, b)` and its kin; strings are taken out before.
_USED = re.compile(r"(?<![\w$])([a-z_][a-z0-9_]*)\s*(\{[^}]*\})?")
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_WORDS = frozenset(
    (
        *("sum", "min", "max", "rate", "increase", "time", "vector", "histogram_quantile"),
        *("and", "or", "unless", "on", "by", "without", "bool", "offset"),
    )
)


def used(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of an expression with the labels that it must have; those of groupings hold for all of them."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    grouped = {
        label.strip() for _, labels in _GROUPING.findall(bare) for label in labels.split(",") if label.strip()
    }
    bare = re.sub(r"\[[^\]]*\]", "", _GROUPING.sub(" ", bare))
    for name, matchers in _USED.findall(bare):
        if name not in _WORDS:
            yield name, set(re.findall(r"([a-z_]+)\s*[=!]", matchers)) | grouped


def missing(printed: Printed, expression: str) -> list[str]:
    known = printed | FOREIGN
    found = []
    for name, labels in used(expression):
        if name not in known:
            found.append(name)
        # `le` is of the buckets only, and is grouped away with them.
        found += [f"{name}{{{label}}}" for label in sorted(labels - known.get(name, labels))]
    return found


def test_what_an_expression_uses_is_found():
    expression = (
        'histogram_quantile(0.9, sum by (task, le) (rate(a_bucket{task=~"$task", x!="b{}"}[5m]))) > 3e2'
    )
    assert list(used(expression)) == [("a_bucket", {"task", "le", "x"})]
    assert missing({"a_bucket": {"task", "le", "x"}}, expression) == []
    assert missing({"a_bucket": {"task", "le"}}, expression) == ["a_bucket{x}"]
    assert missing({"a": {"q"}}, "a > 0 and on (queue) b == 0") == ["a{queue}", "b"]
    assert missing({}, 'up{job="assay"} == 0') == []


def test_every_rule_uses_what_is_printed(service):
    known = printed(scrape(service))
    assert len({rule["alert"] for rule in EVERY_RULE}) == len(EVERY_RULE) > 10
    wrong = {rule["alert"]: missing(known, rule["expr"]) for rule in EVERY_RULE}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_every_label_of_a_rules_words_is_one_it_keeps(service):
    known = printed(scrape(service)) | FOREIGN
    for rule in EVERY_RULE:
        told = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        kept = set.intersection(*(known[name] for name, _ in used(rule["expr"])))
        assert told <= kept, rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]


def test_assays_own_rules_are_among_them():
    from assay.monitoring.model import Rule

    names = {rule["alert"].removeprefix("Assay").lower() for rule in EVERY_RULE}
    assert {rule.value.replace("_", "") for rule in Rule} - names == set()


def test_every_panel_uses_what_is_printed(service):
    known = printed(scrape(service))
    wrong = {}
    for panel in DASHBOARD["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            names = list(used(target["expr"]))
            found = missing(known, target["expr"]) + [
                f"{name}: {label}" for name, _ in names for label in sorted(labels - known.get(name, set()))
            ]
            if found:
                wrong[panel["title"]] = found
    assert wrong == {}


def test_the_dashboard_holds_together(service):
    known = printed(scrape(service))
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    text = json.dumps(DASHBOARD)
    named = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert named == variables
    for query in re.findall(r"label_values\((\w+), (\w+)\)", text):
        assert query[1] in known[query[0]]
    places = [tuple(panel["gridPos"][side] for side in "xywh") for panel in DASHBOARD["panels"]]
    assert all(x + w <= 24 for x, _, w, _ in places)
    cells = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_what_is_printed_is_what_is_so(service):
    text = scrape(service)
    name = TASK.name
    assert sample(text, "assay_database_up") == 1
    assert sample(text, "assay_workers_alive") == 1
    assert sample(text, "assay_jobs", task=name, status="failed") == 1
    assert sample(text, "assay_jobs_ended_total", task=name, outcome="completed") == 1
    assert sample(text, "assay_attempts_failed_total", task=name, kind="Transient") == 1
    assert sample(text, "assay_source_failures_in_a_row", source="osv") == 1
    assert 7190 < sample(text, "assay_source_age_seconds", source="osv") < 7300
    assert sample(text, "assay_alerts", rule="document_quarantined", state="open") == 1
    assert sample(text, "assay_records_total", what="quarantined") == 1
    buckets = {
        one.labels["le"]: one.value
        for one in families(text)["assay_job_run_seconds"].samples
        if one.name == "assay_job_run_seconds_bucket"
    }
    assert (buckets["60.0"], buckets["300.0"], buckets["+Inf"]) == (0, 2, 2)
    assert list(buckets.values()) == sorted(buckets.values())
    assert sample(text, "assay_job_run_seconds_count", task=name) == 2
    assert sample(text, "assay_job_run_seconds_sum", task=name) == pytest.approx(400, abs=1)


def test_names_and_labels_are_as_prometheus_wants_them(service):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian's prometheus) is not installed")
    text = scrape(service)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    rules = str(SHIPPED / "prometheus-rules.yaml")
    assert (
        subprocess.run([promtool, "check", "rules", rules], capture_output=True, check=False).returncode == 0
    )


def test_rules_fire_when_they_should(tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian's prometheus) is not installed")
    course = (Path(__file__).parent / "prometheus-rules-course.yaml").read_text(encoding="utf-8")
    filled = tmp_path / "course.yaml"
    filled.write_text(course.replace("RULES", str(SHIPPED / "prometheus-rules.yaml")), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", filled], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_its_database_it_says_so(make_context):
    with running_service(make_context(), Role.VIEWER) as service:
        assert sample(scrape(service), "assay_database_up") == 1
        name = psycopg.conninfo.conninfo_to_dict(service.ctx.db.url)["dbname"]
        with psycopg.connect(service.ctx.db.url, dbname="postgres", autocommit=True) as conn:
            conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            try:
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
                )
                assert sample(scrape(service), "assay_database_up") == 0
            finally:
                conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_an_installation_that_has_done_nothing_prints_too(make_context):
    with running_service(make_context(metrics_from_loopback=True)) as service:
        text = scrape(service)
    assert sample(text, "assay_workers_alive") == 0
    assert sample(text, "assay_build_info") == 1
