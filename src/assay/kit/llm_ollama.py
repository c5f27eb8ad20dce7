"""A model that Ollama runs, asked in Ollama's own words: only these can say how long a prompt may be."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay.kit.http import Http
from assay.kit.llm import Answer, LlmOptions, Message, Offered
from assay.kit.llm_wire import Spoken

# Of prose a token is four characters or so. Where the server counted a token for more than this many characters it
# has read only a part: Ollama cuts a prompt that is too long and says nothing (before 0.12.10, which knows `truncate`).
_MOST_CHARACTERS_PER_TOKEN = 12


class _Said(msgspec.Struct):
    content: str


class _Chat(msgspec.Struct):
    """What is read of an answer (Ollama's docs/api.md, "Generate a chat completion")."""

    message: _Said
    model: str = ""
    done: bool = True
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None


class _Details(msgspec.Struct):
    parameter_size: str | None = None
    quantization_level: str | None = None


class _Tag(msgspec.Struct):
    name: str
    size: int | None = None
    modified_at: str | None = None
    details: _Details = msgspec.field(default_factory=_Details)


class _Tags(msgspec.Struct):
    models: list[_Tag] = msgspec.field(default_factory=list)


class _Version(msgspec.Struct):
    version: str


class Ollama(Spoken):
    """Ollama 0.5 or newer, which is the first that keeps answers to a schema."""

    def __init__(self, options: LlmOptions, http: Http) -> None:
        super().__init__(options, http, options.address.rstrip("/").removesuffix("/v1").removesuffix("/api"))

    def ask(
        self, messages: Sequence[Message], schema: Mapping[str, Any], *, max_tokens: int = 512, seed: int = 0
    ) -> Answer:
        """The model's answer as JSON of this schema; see `Llm`."""
        began = time.monotonic()
        chat = self._wire.post(
            "/api/chat",
            {
                "model": self.options.model,
                "messages": [{"role": one.role, "content": one.content} for one in messages],
                "format": schema,
                "stream": False,
                "think": False,
                "truncate": False,
                "shift": False,
                "keep_alive": _duration(self.options.keep_alive),
                "options": {
                    "temperature": 0,
                    "seed": seed,
                    "num_ctx": self.options.context_tokens,
                    "num_predict": max_tokens,
                },
            },
            _Chat,
        )
        sent = sum(len(one.content) for one in messages)
        return Answer(
            text=chat.message.content,
            model=chat.model or self.options.model,
            tokens_in=chat.prompt_eval_count,
            tokens_out=chat.eval_count,
            seconds=time.monotonic() - began,
            was_cut=not chat.done
            or chat.done_reason == "length"
            or was_read_in_part(sent, chat.prompt_eval_count, self.options.context_tokens),
        )

    def models(self) -> tuple[Offered, ...]:
        """The models that were pulled."""
        tags = self._wire.get("/api/tags", _Tags).models
        return tuple(
            sorted(
                (
                    Offered(
                        tag.name,
                        tag.size,
                        tag.details.parameter_size,
                        tag.details.quantization_level,
                        tag.modified_at,
                    )
                    for tag in tags
                ),
                key=lambda offered: offered.name,
            )
        )

    def version(self) -> str | None:
        """Ollama's version."""
        return self._wire.get("/api/version", _Version).version


def _duration(text: str) -> str | int:
    """As Ollama reads it: a number alone is seconds, and for ever when it is negative."""
    return int(text) if text.removeprefix("-").isdecimal() else text


def was_read_in_part(characters: int, tokens: int | None, context_tokens: int) -> bool:
    """Whether a prompt of so many characters was cut by the server that counted so many tokens of it."""
    if tokens is None:
        return False
    return tokens >= context_tokens - 1 or characters > (tokens + 20) * _MOST_CHARACTERS_PER_TOKEN
