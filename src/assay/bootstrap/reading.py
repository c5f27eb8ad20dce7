"""The language model that the settings, or people at run time, choose."""

from dataclasses import fields
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assay.settings import LlmSettings, Settings

if TYPE_CHECKING:
    from assay.kit.llm import Llm
    from assay.pipelines.feeds.model.language import Language


def load_language(settings: LlmSettings) -> "Language":
    """How the file and the environment say that entries are read."""
    from assay.pipelines.feeds.model.language import Language

    return Language(**{one.name: getattr(settings, one.name) for one in fields(Language)})


def open_llm(settings: Settings, language: "Language") -> "Llm":
    """The client of the model that is chosen; nothing is asked yet."""
    from assay.kit.llm import Kind, LlmOptions
    from assay.kit.llm_client import open_llm as opened

    said = settings.llm
    key = said.api_key if is_key_for(settings, language.address) else None
    return opened(
        LlmOptions(
            model=language.model or "",
            address=language.address,
            kind=Kind(language.kind),
            api_key=None if key is None else key.get_secret_value(),
            connect_seconds=language.connect_seconds,
            answer_seconds=language.answer_seconds,
            context_tokens=language.context_tokens,
            keep_alive=language.keep_alive,
            proxy=settings.proxy,
            authorities=said.authorities,
        )
    )


def is_key_for(settings: Settings, address: str) -> bool:
    """Whether the settings hold a key that is sent to this address.

    It goes to the server that it stands beside in the settings and to no other: the address may be changed at run time,
    by people who must not read the key.
    """
    return settings.llm.api_key is not None and _origin(settings.llm.address) == _origin(address)


def _origin(address: str) -> tuple[str, str | None, int]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
