"""The settings of the language model: our names, other programs' names, and whose word counts."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from assay.bootstrap.reading import is_key_for, load_language
from assay.errors import Permanent
from assay.settings import load
from assay.settings.language import ELSEWHERE


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))


def write(folder: Path, text: str) -> None:
    (folder / "assay.toml").write_text(text, encoding="utf-8")


def test_without_a_model_none_is_asked():
    language = load_language(load().llm)
    assert not language.is_asked
    assert (language.address, language.kind, language.threshold) == ("http://127.0.0.1:11434", "ollama", 0.8)


def test_the_names_of_other_programs_are_honoured(monkeypatch):
    for name, value in (
        ("OLLAMA_BASE_URL", "http://gpu:11434/"),
        ("OLLAMA_MODEL", "qwen3:8b"),
        ("LLM_CONFIDENCE_THRESHOLD", "0.9"),
        ("LLM_PROCESSING_INTERVAL_MINUTES", "30"),
        ("LLM_BATCH_SIZE", " 25 "),
    ):
        monkeypatch.setenv(name, value)
    found = load().llm
    assert (found.address, found.model, found.threshold) == ("http://gpu:11434", "qwen3:8b", 0.9)
    assert (found.interval_minutes, found.batch) == (30, 25)
    assert load_language(found).is_asked


def test_ours_win_over_theirs_and_both_over_the_file(monkeypatch, tmp_path):
    write(tmp_path, '[llm]\nmodel = "of-the-file"\nbatch = 1\nthreshold = 0.7\n')
    assert load().llm.model == "of-the-file"
    monkeypatch.setenv("OLLAMA_MODEL", "theirs")
    monkeypatch.setenv("LLM_BATCH_SIZE", "2")
    monkeypatch.setenv("ASSAY_LLM__MODEL", "ours")
    found = load().llm
    assert (found.model, found.batch, found.threshold) == ("ours", 2, 0.7)


def test_an_empty_name_says_nothing(monkeypatch):
    monkeypatch.setenv("OLLAMA_MODEL", "")
    assert load().llm.model is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LLM_BATCH_SIZE", "101", "ASSAY_LLM__BATCH or LLM_BATCH_SIZE: .*100"),
        ("LLM_PROCESSING_INTERVAL_MINUTES", "0", "LLM_PROCESSING_INTERVAL_MINUTES"),
        ("LLM_CONFIDENCE_THRESHOLD", "80", "LLM_CONFIDENCE_THRESHOLD"),
        ("ASSAY_LLM__BATCH", "many", "ASSAY_LLM__BATCH: "),
        ("OLLAMA_BASE_URL", "localhost:11434", "an address of a server is such as"),
        ("OLLAMA_BASE_URL", "http://user:secret@gpu", "without user, password or query"),
        ("OLLAMA_BASE_URL", "http://gpu:99999", "an address of a server"),
        ("OLLAMA_BASE_URL", "http://[::", "an address of a server"),
        ("ASSAY_LLM__KEEP_ALIVE", "a while", "ASSAY_LLM__KEEP_ALIVE"),
    ],
)
def test_a_wrong_value_is_told_by_the_name_that_it_was_given_under(name, value, said, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(Permanent, match=said) as caught:
        load()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "is_sent"),
    [
        ("https://models.example.org/v1", True),
        ("https://models.example.org:443", True),
        ("https://MODELS.example.org", True),
        ("http://models.example.org/v1", False),
        ("https://models.example.org:8443/v1", False),
        ("https://models.example.org.evil.example.org", False),
    ],
)
def test_the_key_goes_where_the_settings_say_and_nowhere_else(address, is_sent, monkeypatch):
    monkeypatch.setenv("ASSAY_LLM__ADDRESS", "https://models.example.org/v1")
    assert not is_key_for(load(), address)
    monkeypatch.setenv("ASSAY_LLM__API_KEY", "k-1")
    assert load().llm.api_key == SecretStr("k-1")
    assert is_key_for(load(), address) is is_sent
