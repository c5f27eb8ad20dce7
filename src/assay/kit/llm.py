"""One language model behind one surface, whatever server runs it. What is asked of it is the caller's business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from assay.errors import BadRecord


class Kind(StrEnum):
    """What the server speaks: Ollama's own API, or the one of OpenAI that most others copy."""

    OLLAMA = "ollama"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class LlmOptions:
    """Which model is asked where, and how patiently.

    `address` is the server's, with or without OpenAI's `/v1`. `answer_seconds` is for a whole answer. `context_tokens`
    is what prompt and answer may have together; `keep_alive` how long Ollama keeps the model loaded, in its words;
    `pause_seconds` is the wait before the one retry, for a server that is just being started again.
    """

    model: str
    address: str = "http://127.0.0.1:11434"
    kind: Kind = Kind.OLLAMA
    api_key: str | None = None
    connect_seconds: float = 5.0
    answer_seconds: float = 120.0
    context_tokens: int = 8192
    keep_alive: str = "10m"
    pause_seconds: float = 1.0
    proxy: str | None = None
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said. The text of one that `was_cut` means nothing: it ended too soon, or not all was read.

    The text should follow the schema; whether it does is for the caller to see, since some servers take a schema and
    do not enforce it. Tokens are None where the server does not count.
    """

    text: str
    model: str
    tokens_in: int | None
    tokens_out: int | None
    seconds: float
    was_cut: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """A model that the server has; what it does not tell is None. `changed_at` is as the server writes it."""

    name: str
    size_bytes: int | None = None
    parameters: str | None = None
    quantization: str | None = None
    changed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """How a server did when it was asked something small; `problem` is a sentence, None when all went well."""

    is_well: bool
    problem: str | None
    version: str | None
    models: tuple[str, ...]
    answer: str | None
    seconds: float | None
    tokens_in: int | None
    tokens_out: int | None


class TooLong(BadRecord):
    """The prompt has more tokens than the model reads at once; another prompt may be fine."""

    def __init__(self, detail: str) -> None:
        super().__init__("too-long", detail)

    def __reduce__(self) -> tuple[type["TooLong"], tuple[str]]:  # type: ignore[override]  # one argument of its own
        return type(self), (self.detail,)


class Llm(Protocol):
    """A model that can be asked. Threads may share it. Close it, or use it as a context manager.

    Everything raises Transient for what may work later (retried once already, unless it was slow), Permanent for what
    a person must change, and says what.
    """

    @property
    def options(self) -> LlmOptions:
        """Which model this is."""

    def ask(
        self, messages: Sequence[Message], schema: Mapping[str, Any], *, max_tokens: int = 512, seed: int = 0
    ) -> Answer:
        """The model's answer as JSON of this schema, at temperature 0.

        Every object of the schema should be closed (`additionalProperties: false`) and require all its properties:
        OpenAI takes no others. Raises TooLong for more than the model reads at once.
        """

    def models(self) -> tuple[Offered, ...]:
        """The models that the server has, by name."""

    def version(self) -> str | None:
        """The server's version, None where it tells none."""

    def close(self) -> None:
        """Closes the connections."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *problem: object) -> None: ...
