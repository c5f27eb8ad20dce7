"""The settings of the language model, under our names and under those that other programs use."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _address(text: str) -> str:
    """The address of a server: no user, password or query, which would be secrets that everybody sees."""
    try:
        parts = urlsplit(text.strip())
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or "@" in text or "?" in text or "#" in text or len(text.split()) != 1:
        raise ValueError(
            "an address of a server is such as http://127.0.0.1:11434, without user, password or query"
        )
    return text.strip().rstrip("/")


class LlmSettings(BaseModel):
    """The language model that reads what rules could not, and how entries of feeds are processed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Ask the model; without one rules alone read the entries")
    model: str | None = Field(
        None,
        max_length=200,
        description="Its name on the server, such as `qwen3:8b`; without one none is asked",
    )
    address: Annotated[str, AfterValidator(_address)] = Field(
        "http://127.0.0.1:11434", max_length=500, description="The server of the model"
    )
    kind: Literal["ollama", "openai"] = Field(
        "ollama", description="What the server speaks: Ollama's API, or OpenAI's, as most others do"
    )
    api_key: SecretStr | None = Field(
        None,
        description="The server's key; sent only to the server of `address` as the file or environment says it",
    )
    authorities: Path | None = Field(
        None, description="A PEM file of authorities that signed the server's certificate"
    )
    threshold: float = Field(
        0.8, ge=0, le=1, description="The confidence from which on an extraction needs no review"
    )
    interval_minutes: int = Field(5, ge=1, le=60, description="Minutes between two rounds of processing")
    batch: int = Field(50, ge=1, le=100, description="Entries that are processed together")
    connect_seconds: float = Field(5.0, gt=0, le=60, description="Seconds until the server must be reached")
    answer_seconds: float = Field(120.0, ge=1, le=1800, description="Seconds that a whole answer may take")
    context_tokens: int = Field(
        8192, ge=1024, le=1_048_576, description="Tokens that a question and its answer have together at most"
    )
    keep_alive: str = Field(
        "10m",
        pattern=r"^-?[0-9]{1,6}(ms|s|m|h)?$",
        description="How long Ollama keeps the model loaded after an answer",
    )


# Names that other programs of this kind honour, and what they mean here.
ELSEWHERE = {
    "OLLAMA_BASE_URL": "address",
    "OLLAMA_MODEL": "model",
    "LLM_CONFIDENCE_THRESHOLD": "threshold",
    "LLM_PROCESSING_INTERVAL_MINUTES": "interval_minutes",
    "LLM_BATCH_SIZE": "batch",
}


def elsewhere() -> dict[str, Any]:
    """What the environment says under those names."""
    said = {field: os.environ.get(name, "").strip() for name, field in ELSEWHERE.items()}
    given = {field: value for field, value in said.items() if value}
    return {"llm": given} if given else {}
