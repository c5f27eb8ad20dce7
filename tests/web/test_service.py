"""What holds for every surface: health, limits, errors, lost databases, the program that serves."""

import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from assay.auth.model import Role
from assay.bootstrap import build
from assay.errors import Permanent, Transient
from assay.settings import Settings
from assay.web import running
from assay.web.bodies import LIMIT
from assay.web.reading import Reading
from web_service import running_service, token_of

ROOT = Path(__file__).parents[2]


def test_health_tells_how_fresh_each_source_is(service):
    assert service.get("/health").json == {"live": True, "ready": True}
    token = token_of(service.ctx, Role.VIEWER)
    told = service.get("/health", Authorization=f"Bearer {token}")
    assert told.status == 200
    assert (told.json["live"], told.json["ready"]) == (True, True)
    sources = {entry["source"]: entry for entry in told.json["sources"]}
    assert {"osv", "gitlab", "cve", "kev", "epss"} <= sources.keys()
    assert sources["osv"]["last_run"] == "completed"
    assert 0 <= sources["osv"]["age_seconds"] < 3600
    assert sources["kev"] == {
        "source": "kev", "fetched_at": None, "age_seconds": None, "last_run": None, "last_run_at": None
    }  # fmt: skip
    assert service.get("/health/live").json == {"live": True}
    assert service.get("/health/ready").json == {"ready": True}


def test_a_service_without_its_database_lives_and_is_not_ready(make_context):
    with running_service(make_context()) as service:
        assert service.get("/osv/all.zip").json["detail"] == "the catalog is empty: run `assay sync`"
        name = psycopg.conninfo.conninfo_to_dict(service.ctx.db.url)["dbname"]
        with psycopg.connect(service.ctx.db.url, dbname="postgres", autocommit=True) as conn:
            conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            try:
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
                )
                told = service.get("/health")
                assert told.status == 503
                assert (told.json["live"], told.json["ready"]) == (True, False)
                query = service.post("/v1/query", {"package": {"purl": "pkg:npm/edge@1.0.0"}})
                assert (query.status, query.json["code"]) == (503, 14)
                assert query.headers["retry-after"]
                assert service.get("/health/live").status == 200
            finally:
                conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert service.get("/health").json["ready"] is True


def test_a_lost_connection_is_not_the_clients_problem(service):
    query = {"package": {"purl": "pkg:npm/edge@1.0.0"}}
    before = service.post("/v1/query", query)
    with service.ctx.db.connection(autocommit=True) as conn:
        ended = conn.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended[0] >= 1
    assert service.post("/v1/query", query) == before


def end_itself(conn: psycopg.Connection) -> None:
    conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_question_whose_connection_is_lost_is_asked_once_more(server):
    """Nothing is known of the end of a kept connection until something is asked on it: the signal may be under way."""
    read = Reading(server.url, 1)
    asked = []

    def lost_at_first(conn: psycopg.Connection) -> int:
        asked.append(conn.info.backend_pid)
        if len(asked) == 1:
            end_itself(conn)
        return conn.execute("SELECT 1").fetchone()[0]

    try:
        assert read(lost_at_first) == 1
        assert len(set(asked)) == 2
        with pytest.raises(Transient, match="connection to PostgreSQL was lost"):
            read(end_itself)
        with pytest.raises(psycopg.errors.DivisionByZero):
            read(lambda conn: conn.execute("SELECT 1 / 0"))
        assert read(lambda conn: conn.execute("SHOW transaction_read_only").fetchone()) == ("on",)
    finally:
        read.close()


def test_nothing_can_be_changed(service):
    read = Reading(service.ctx.db.url, 1)
    try:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            read(lambda conn: conn.execute("DELETE FROM catalog.vulnerabilities"))
        with pytest.raises(psycopg.errors.QueryCanceled):
            read(lambda conn: conn.execute("SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)"))
    finally:
        read.close()
    for method in ("PUT", "DELETE", "PATCH"):
        assert service.ask(method, "/v1/vulns/GHSA-edge-edge-0003").status == 405


def test_a_database_that_is_not_there_is_a_passing_fault():
    with pytest.raises(Transient, match="PostgreSQL cannot be reached"):
        Reading("postgresql://nobody@127.0.0.1:1/none", 1)(lambda conn: conn.execute("SELECT 1"))


@pytest.mark.parametrize("path", ["/v1/query", "/v1/querybatch", "/-/npm/v1/security/advisories/bulk"])
def test_bodies_have_a_limit_before_and_after_unpacking(service, path: str):
    bomb = gzip.compress(b" " * (LIMIT + 1))
    assert len(bomb) < 100_000
    answer = service.post(path, bomb, Content_Encoding="gzip")
    assert answer.status == 413
    told = answer.json.get("message") or answer.json["error"]
    assert "larger than 32 MiB" in told
    # Refused by what it says of its length, without being read.
    connection = service.connect()
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(LIMIT + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_that_never_says_how_long_it_is_has_the_same_limit(service):
    connection = service.connect()
    connection.request("POST", "/v1/query", iter([b" " * (1 << 20)] * 31 + [b"{}"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    assert connection.getresponse().status == 400
    connection.close()


def test_broken_packing_is_refused(service):
    cut = gzip.compress(b'{"package": {"purl": "pkg:npm/edge@1.0.0"}}')[:-9]
    for body, encoding, status in (
        (cut, "gzip", 400),
        (b"\x1f\x8bnonsense", "x-gzip", 400),
        (b"{}", "br", 415),
    ):
        answer = service.post("/v1/query", body, Content_Encoding=encoding)
        assert (answer.status, answer.json["code"]) == (status, 3)


def test_problems_are_told_in_rfc_9457s_words(service):
    for method, path, status, title in (
        ("GET", "/nowhere", 404, "Not Found"),
        ("POST", "/health", 405, "Method Not Allowed"),
    ):
        answer = service.ask(method, path)
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json == {"type": "about:blank", "title": title, "status": status, "instance": path}
    for path, allowed in (
        ("/health", "GET"),
        ("/osv/all.zip", "GET, HEAD"),
        ("/v1/schedules/feeds-tick", "GET, PATCH, PUT"),
        ("/v1/products", "GET, POST"),
    ):
        assert service.ask("OPTIONS", path).headers["allow"] == allowed
    assert service.ask("HEAD", "/nowhere").body == b""
    assert service.get("/v1/query").json["code"] == 12


def test_the_interface_is_described(service):
    described = service.get("/openapi.json").json
    assert {
        "/v1/query",
        "/v1/querybatch",
        "/v1/vulns/{id}",
        "/health",
        "/osv/{ecosystem}/all.zip",
    } <= described["paths"].keys()
    assert service.get("/docs").status == 200


def test_a_port_that_is_taken_is_told():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(Permanent, match=r"cannot listen on 127\.0\.0\.1 port \d+: .*--port"),
    ):
        running.listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(("workers", "stop"), [(1, signal.SIGTERM), (2, signal.SIGINT)])
def test_the_program_serves_until_it_is_told_to_stop(fresh_url, tmp_path, workers: int, stop: signal.Signals):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "ASSAY_DATABASE_URL": fresh_url}
    command = [sys.executable, "-m", "assay", "--home", str(tmp_path), "-v", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--workers", str(workers)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline().decode()
        found = re.match(r"Serving at http://127\.0\.0\.1:(\d+)/ ", first)
        assert found, (first, process.stderr and process.stderr.read())
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=30) as client:
            client.sendall(
                b"POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            )
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert answer.endswith(b'{"code":3,"message":"invalid query"}')
        process.send_signal(stop)
        _, told = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, told
    lines = told.decode().splitlines()
    assert lines[-1] == "Stopped."
    [logged] = [json.loads(line) for line in lines if '"request"' in line]
    assert (logged["method"], logged["path"], logged["status"]) == ("POST", "/v1/query", 400)


def test_a_request_that_runs_is_answered_before_the_end(synced):
    """Stopping lets it finish; the connection is closed afterwards."""
    with running_service(synced) as service:
        connection = service.connect()
        answers = []
        body = json.dumps({"package": {"name": "crowded", "ecosystem": "npm"}})
        connection.request("POST", "/v1/query", body)
        head = connection.getresponse()
        reader = threading.Thread(target=lambda: answers.append(head.read()))
        reader.start()
    reader.join(30)
    connection.close()
    assert len(json.loads(answers[0])["vulns"]) == 3000


def test_settings_name_the_address(tmp_path, server):
    with build(Settings(home=tmp_path, database_url=server.url, web_port=9), check_schema=False) as ctx:
        assert (ctx.settings.web_host, ctx.settings.web_port) == ("127.0.0.1", 9)
    with pytest.raises(ValueError, match="web_port"):
        Settings(home=tmp_path, web_port=70000)
