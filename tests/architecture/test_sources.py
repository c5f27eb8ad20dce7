"""Every source can be tried without the network: a shipped sample, and a golden file of what it reads as."""

from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "assay" / "pipelines" / "advisories" / "sources"
SOURCES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
GOLDEN = ROOT / "tests" / "pipelines" / "advisories" / "sources"


def filled(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_file() and path.stat().st_size]


def test_there_are_sources():
    assert {"osv", "gitlab", "cve", "kev", "epss"} <= set(SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_ships_a_sample(source: str):
    assert filled((ROOT / "sample").glob(f"{source}.*"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_has_a_golden_file(source: str):
    assert filled((GOLDEN / source).glob("expected*"))
