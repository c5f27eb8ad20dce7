"""What is said of settings that cannot be read."""

from pathlib import Path

import pytest

from assay.errors import Permanent
from assay.settings import load


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSAY_WORKER_QUEUES", "default"),
        ("ASSAY_FEEDS__KEYS", "hush"),
        ("ASSAY_SCHEDULES", "osv=off"),
    ],
)
def test_a_variable_that_is_no_json_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
):
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASSAY_FEEDS__MAX_MB", "16")
    with pytest.raises(Permanent, match=f"^wrong settings: {name} is not JSON") as caught:
        load(tmp_path)
    assert value not in str(caught.value)


def test_a_file_that_is_no_toml_is_said_to_be_none(tmp_path: Path):
    (tmp_path / "assay.toml").write_text("web_port 8080")
    with pytest.raises(Permanent, match="the settings file is not TOML"):
        load(tmp_path)
