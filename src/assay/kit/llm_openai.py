"""A model behind OpenAI's API, as OpenAI, vLLM, llama.cpp, LM Studio and many others speak it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay.errors import Permanent
from assay.kit.http import Http
from assay.kit.llm import Answer, LlmOptions, Message, Offered
from assay.kit.llm_wire import Spoken


class _Said(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Said
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(msgspec.Struct):
    """What is read of a chat completion (OpenAI's API reference, "The chat completion object")."""

    choices: list[_Choice]
    model: str = ""
    usage: _Usage | None = None


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


class OpenAi(Spoken):
    """Any server with `/v1/chat/completions` and `response_format: json_schema`."""

    def __init__(self, options: LlmOptions, http: Http) -> None:
        base = options.address.rstrip("/")
        super().__init__(options, http, base if base.endswith("/v1") else f"{base}/v1")

    def ask(
        self, messages: Sequence[Message], schema: Mapping[str, Any], *, max_tokens: int = 512, seed: int = 0
    ) -> Answer:
        """The model's answer as JSON of this schema; see `Llm`. One that refuses to answer has an empty text."""
        began = time.monotonic()
        completion = self._wire.post(
            "/chat/completions",
            {
                "model": self.options.model,
                "messages": [{"role": one.role, "content": one.content} for one in messages],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": schema, "strict": True},
                },
                "temperature": 0,
                "seed": seed,
                "max_tokens": max_tokens,
                "stream": False,
            },
            _Completion,
        )
        if not completion.choices:
            raise Permanent(f"the model {self.options.model} gave no choices: check what its server supports")
        choice, usage = completion.choices[0], completion.usage or _Usage()
        return Answer(
            text=choice.message.content or "",
            model=completion.model or self.options.model,
            tokens_in=usage.prompt_tokens,
            tokens_out=usage.completion_tokens,
            seconds=time.monotonic() - began,
            was_cut=choice.finish_reason == "length",
        )

    def models(self) -> tuple[Offered, ...]:
        """The models that the key may use."""
        return tuple(
            Offered(name) for name in sorted(one.id for one in self._wire.get("/models", _Models).data)
        )

    def version(self) -> str | None:
        """Nothing: this API tells no version."""
        return None
