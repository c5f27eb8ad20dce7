"""Answers in JSON, and what the interface's description says of them."""

from collections.abc import Mapping
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec
from fastapi import Response

_PROBLEMS = {
    400: "The request cannot be read, or asks for something that cannot be; `detail` says what.",
    401: "Nobody is signed in, and the proof of who asks is wrong or absent.",
    403: "Whoever asks has not the role for it.",
    404: "There is none of that name or number.",
    409: "It contradicts how things stand; `detail` says how.",
}
# As RFC 9110 names them (section 15.5); Python does so from 3.13 on.
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
_PROBLEM = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "there is no job 12; completed ones are kept for some time only",
    "instance": "/v1/jobs/12",
}


def as_json(told: object, status: int = 200) -> Response:
    """An answer that nobody keeps: it is of the moment."""
    return Response(msgspec.json.encode(told), status, {"Cache-Control": "no-store"}, "application/json")


def responses(
    about: str, example: object, *problems: int, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """What a route answers when it goes well, with an example, and which problems (RFC 9457) it may tell."""
    content = {} if status == 204 else {"content": {"application/json": {"example": example}}}
    return {status: {"description": about} | content} | refusals(401, 403, *problems)


def as_file(about: str, *kinds: str) -> dict[int | str, dict[str, Any]]:
    """What a route answers that gives a file of one of these kinds."""
    return {200: {"description": about, "content": {kind: {} for kind in kinds}}}


def refusals(*problems: int) -> dict[int | str, dict[str, Any]]:
    """Which problems (RFC 9457) a route may tell; any other is among them."""
    found: dict[int | str, dict[str, Any]] = {
        code: _problem(_PROBLEMS[code], {**_PROBLEM, **_example(code)}) for code in problems
    }
    # This also keeps FastAPI from promising its own answer to wrong parameters, which is a 400 here.
    found["default"] = _problem("Any other problem; `detail` says what.", _PROBLEM)
    return found


def refusals_as(example: Mapping[str, object]) -> dict[int | str, dict[str, Any]]:
    """The same where a protocol has words of its own for what is wrong."""
    content = {"schema": {"type": "object"}, "example": example}
    return {"default": {"description": "What is wrong.", "content": {"application/json": content}}}


def _problem(about: str, example: object) -> dict[str, Any]:
    content = {"schema": {"type": "object"}, "example": example}
    return {"description": about, "content": {"application/problem+json": content}}


def _example(code: int) -> dict[str, Any]:
    said = {"status": code, "title": title_of(code)}
    return said if code == 404 else {**said, "detail": _PROBLEMS[code]}


def title_of(status: int) -> str:
    """What HTTP calls a status."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def shaped(
    about: str, shape: Any, example: object, *problems: int, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """The same as `responses`, with the answer's schema, which is read off the type that is encoded."""
    found = responses(about, example, *problems, status=status)
    found[status]["content"]["application/json"]["schema"] = schema_of(shape)
    return found


def schema_of(shape: Any) -> dict[str, Any]:
    """The JSON schema of a type, complete in itself."""
    (schema,), parts = msgspec.json.schema_components([shape], ref_template="{name}")
    resolved: dict[str, Any] = _resolved(schema, parts)
    return resolved


def _resolved(schema: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolved(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(parts[schema["$ref"]], parts)
    found = {name: _resolved(value, parts) for name, value in schema.items()}
    if isinstance(said := found.get("description"), str):
        # Docstrings keep the indentation of their class up to Python 3.12.
        found["description"] = cleandoc(said)
    return found
