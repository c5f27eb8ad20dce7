"""`/admin/llm`: which language model reads entries, what its server has, and whether it answers."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from assay.bootstrap import Context
from assay.kit.llm import Offered, Trial
from assay.pipelines.feeds.commands.language import try_model
from assay.pipelines.feeds.queries.language import language_chosen
from assay.web.answers import as_json, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Admin
from assay.web.language import Config, change_language, models_of, shown, varied
from assay.web.reading import Reading

_CONFIG = {
    "is_asked": True,
    "enabled": True,
    "model": "qwen3:8b",
    "address": "http://127.0.0.1:11434",
    "kind": "ollama",
    "threshold": 0.8,
    "interval_minutes": 5,
    "batch": 50,
    "connect_seconds": 5.0,
    "answer_seconds": 120.0,
    "context_tokens": 8192,
    "keep_alive": "10m",
    "has_api_key": False,
    "is_key_sent": False,
    "changed": ["model"],
    "health": {
        "failures": 0,
        "rests_until": None,
        "last_error": None,
        "failed_at": None,
        "answered_at": "2026-03-01T10:13:00Z",
    },
}
_TRIAL = {
    "is_well": True,
    "problem": None,
    "version": "0.12.10",
    "models": ["qwen3:8b"],
    "answer": '{"answer": "yes"}',
    "seconds": 0.8,
    "tokens_in": 34,
    "tokens_out": 9,
}
_MODEL = {
    "name": "qwen3:8b",
    "size_bytes": 5225388164,
    "parameters": "8.2B",
    "quantization": "Q4_K_M",
    "changed_at": "2026-02-03T08:11:00Z",
}


class Models(msgspec.Struct, frozen=True):
    """What the server has, by name."""

    address: str
    models: list[Offered]


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Administrators alone."""
    routes = APIRouter(prefix="/admin/llm", tags=["Language model"])
    _add_config(routes, ctx, read)

    @routes.get(
        "/models",
        summary="The models that the server has",
        responses=shaped(
            "By name. A server that cannot be asked is a 502 that says why.",
            Models,
            {"address": "http://127.0.0.1:11434", "models": [_MODEL]},
        ),
    )
    def models(_: Admin) -> Response:
        language = read(lambda conn: language_chosen(conn, ctx.language))
        return as_json(Models(language.address, list(models_of(ctx, language))))

    @routes.post(
        "/test",
        summary="Ask the model something small",
        responses=shaped(
            "Whether it answers as JSON of a schema, and how long that takes; a minute at most. One that does not "
            "answer is told in `problem`. Settings in the body are tried instead of those in force, and not kept.",
            Trial,
            _TRIAL,
            400,
        ),
        openapi_extra=described({"model": "qwen3:8b"}),
    )
    def test(request: Request, who: Admin, body: AnyBody) -> Response:
        wanted = body.read(dict[str, Any]) if body.unpacked().strip() else {}
        with changing(ctx, request, who) as change:
            language = varied(ctx, change.conn, wanted)
            change.note("llm.test", language.place)
        return as_json(try_model(ctx, language))

    return routes


def _add_config(routes: APIRouter, ctx: Context, read: Reading) -> None:
    about = "What is in force, and how the model did lately. The key is never shown."

    @routes.get(
        "/config",
        summary="Which language model is asked, and how entries are processed",
        responses=shaped(about, Config, _CONFIG),
    )
    def config(_: Admin) -> Response:
        return as_json(read(lambda conn: shown(ctx, conn)))

    @routes.put(
        "/config",
        summary="Change some of it; null is what the file and the environment say",
        responses=shaped(about, Config, _CONFIG, 400),
        openapi_extra=described({"model": "qwen3:8b", "batch": 20, "threshold": None}),
    )
    def change(request: Request, who: Admin, body: AnyBody) -> Response:
        wanted = body.read(dict[str, Any])
        with changing(ctx, request, who) as change:
            change_language(ctx, change, wanted)
            return as_json(shown(ctx, change.conn))
