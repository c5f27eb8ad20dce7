"""The import contracts of pyproject.toml hold."""

from pathlib import Path

import pytest
from importlinter import cli

ROOT = Path(__file__).resolve().parents[2]


def test_the_import_contracts_hold(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    outcome = cli.lint_imports(str(ROOT / "pyproject.toml"), cache_dir=str(tmp_path), no_logo=True)
    if outcome != cli.EXIT_STATUS_SUCCESS:
        pytest.fail(capsys.readouterr().out, pytrace=False)
