"""Named statements in a file: each found by its name, with its description, and mistakes told."""

from pathlib import Path

import pytest

from assay.kit import sql

GOOD = """\
-- A word on the file.

-- name: find_it
-- The thing by its key.
SELECT a, '-- name: none' FROM t -- name: nor_this
WHERE id = %(id)s::bigint;

-- name: drop_it
-- Drops it.
-- In two lines.
DELETE FROM t
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "store.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_statements_are_found_by_name(tmp_path: Path):
    found = sql.load(written(tmp_path, GOOD))
    assert list(found) == ["find_it", "drop_it"]
    assert found["find_it"] == sql.Statement(
        "find_it",
        "The thing by its key.",
        "SELECT a, '-- name: none' FROM t -- name: nor_this\nWHERE id = %(id)s::bigint",
    )
    assert found["drop_it"].text == "-- In two lines.\nDELETE FROM t"


def test_they_are_looked_for_beside_the_module(tmp_path: Path):
    written(tmp_path, GOOD)
    assert sql.beside(str(tmp_path / "store.py")).keys() == {"find_it", "drop_it"}


def test_a_file_without_statements_has_none(tmp_path: Path):
    assert sql.load(written(tmp_path, "-- Nothing yet.\n")) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- name: one\nSELECT 1", "one has no description"),
        ("-- name: one\n\n", "one has no description"),
        ("-- name: one\n-- It.\nSELECT 1;\n-- name: one\n-- It.\nSELECT 2;", "one stands there twice"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_the_statement(tmp_path: Path, text: str, told: str):
    with pytest.raises(ValueError, match=rf"store\.sql: statement {told}"):
        sql.load(written(tmp_path, text))


def test_a_statement_without_sql_is_a_mistake(tmp_path: Path):
    with pytest.raises(ValueError, match="one is empty"):
        sql.load(written(tmp_path, "-- name: one\n-- It says much and does nothing.\n"))


@pytest.mark.parametrize("name", ["One", "1one", "one two", "one-two", "", "one "])
def test_a_name_that_is_none_is_a_mistake(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match=r"store\.sql"):
        sql.load(written(tmp_path, f"-- name: {name}\n-- It.\nSELECT 1;\n"))
