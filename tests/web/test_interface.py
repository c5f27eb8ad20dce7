"""The interface does what its description says, whatever it is asked (schemathesis), and is described as committed."""

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context
from web_service import Service, running_service

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
OURS = (
    "/v1/vulnerabilities", "/v1/overview", "/v1/sources", "/v1/runs", "/v1/quarantine", "/v1/inventories",
    "/v1/hits", "/v1/scans", "/v1/decisions", "/v1/feeds/review", "/admin/processing",
    "/v1/settings", "/v1/jobs", "/v1/schedules", "/v1/alerts",
)  # fmt: skip


@pytest.fixture(scope="module")
def service(synced: Context):
    with running_service(synced, identify=lambda _: Principal(Kind.PERSON, "ada", Role.ADMIN, 1)) as found:
        yield found


@pytest.fixture(scope="module")
def described(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/openapi.json").json
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if path.startswith(OURS)
    ]


def test_every_operation_says_what_it_does_and_shows_an_example(described: dict[str, Any]):
    assert len(operations(described)) > 30
    for method, path, operation in operations(described):
        name = f"{method} {path}"
        assert operation.get("summary"), name
        assert operation.get("tags"), name
        assert all(one.get("description") for one in operation.get("parameters", ())), name
        good = next(answer for code, answer in operation["responses"].items() if code.startswith("2"))
        for kind, content in good.get("content", {}).items():
            assert "example" in content or kind != "application/json", name


def test_the_reference_is_what_the_service_says(described: dict[str, Any]):
    # Written by `python tools/write_openapi.py`.
    assert json.loads(REFERENCE.read_text(encoding="utf-8")) == described


def test_the_service_keeps_to_its_description_whatever_it_is_asked(
    service: Service, described: dict[str, Any]
):
    schema = schemathesis.openapi.from_dict(described)
    # A change of schedules or people would change what later requests find; nothing here depends on that.
    # A model server there is none of, and whether one answers is a 502.
    kept = schema.exclude(path_regex="raw$|^/admin/llm")
    tried, wrong = set(), []
    for result in kept.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=6,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def asked(case: schemathesis.Case) -> None:
            answer = case.call(base_url=service.url.rstrip("/"), timeout=60)
            assert answer.status_code < 500, case.as_curl_command()
            case.validate_response(
                answer,
                checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
            )

        try:
            asked()
        except (AssertionError, FailureGroup) as failure:
            wrong.append(f"{operation.label}: {failure}")
        tried.add(operation.label)
    assert wrong == []
    assert len(tried) > 100


def test_no_operation_promises_an_answer_that_is_never_given(described: dict[str, Any]):
    # FastAPI's own for wrong parameters, which are a 400 here, and JSON for what is a file.
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert "default" in operation["responses"], f"{method} {path}"
    assert "HTTPValidationError" not in json.dumps(described)
    kinds = {
        path: set(described["paths"][path]["get"]["responses"]["200"]["content"])
        for path in ("/metrics", "/osv/all.zip", "/osv/{ecosystem}/modified_id.csv", "/admin/audit/export")
    }
    assert kinds == {
        "/metrics": {"text/plain"},
        "/osv/all.zip": {"application/zip"},
        "/osv/{ecosystem}/modified_id.csv": {"text/csv"},
        "/admin/audit/export": {"application/json", "text/csv"},
    }
