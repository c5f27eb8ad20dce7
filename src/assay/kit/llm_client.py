"""Opens the client for a server's kind, and tries whether it does what is needed."""

import msgspec

from assay.errors import AssayError, Permanent
from assay.kit.llm import Answer, Kind, Llm, LlmOptions, Message, Trial
from assay.kit.llm_ollama import Ollama
from assay.kit.llm_openai import OpenAi
from assay.kit.llm_wire import open_http

_QUESTION = (
    Message("system", "You answer with one JSON object and nothing else."),
    Message("user", "Is water wet?"),
)
_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["answer"],
    "additionalProperties": False,
}


class _Reply(msgspec.Struct, forbid_unknown_fields=True):
    answer: str


def open_llm(options: LlmOptions) -> Llm:
    """The client; nothing is asked yet."""
    http = open_http(options)
    return OpenAi(options, http) if options.kind is Kind.OPENAI else Ollama(options, http)


def try_out(llm: Llm) -> Trial:
    """Whether the server is there, has the model, and keeps an answer to a schema. Raises nothing that is known."""
    version: str | None = None
    models: tuple[str, ...] = ()
    answer: Answer | None = None
    problem: str | None = None
    try:
        version = llm.version()
        models = tuple(one.name for one in llm.models())
        if not llm.options.model:
            raise Permanent(f"no model is chosen; the server has {', '.join(models) or 'none'}")
        answer = llm.ask(_QUESTION, _SCHEMA, max_tokens=32)
        _check(answer)
    except AssayError as error:
        problem = str(error)
    return Trial(
        is_well=problem is None,
        problem=problem,
        version=version,
        models=models,
        answer=None if answer is None else answer.text[:300],
        seconds=None if answer is None else answer.seconds,
        tokens_in=None if answer is None else answer.tokens_in,
        tokens_out=None if answer is None else answer.tokens_out,
    )


def _check(answer: Answer) -> None:
    if answer.was_cut:
        raise Permanent("the model's answer was cut off: give it a larger context")
    try:
        reply = msgspec.json.decode(answer.text, type=_Reply)
    except msgspec.DecodeError as error:
        raise Permanent(
            f"the model answers, but not as JSON of the schema that it was given ({error}): choose another model or "
            "a server that enforces schemas"
        ) from error
    if reply.answer not in ("yes", "no"):
        raise Permanent(
            f"the server takes a schema and does not enforce it: it let the model say {reply.answer[:40]!r}"
        )
