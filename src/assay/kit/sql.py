"""Named SQL statements, read from the `.sql` file beside the module that runs them.

Format, one statement after another:

    -- name: find_claim
    -- One line that says what it answers.
    SELECT ... WHERE id = %(id)s::bigint
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, cast

# Matches `-- name: find_claim`.
_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$", re.MULTILINE)
_ANY_NAME = re.compile(r"^-- name:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file, with psycopg's `%(name)s` placeholders."""

    name: str
    description: str
    text: LiteralString


def load(path: Path) -> Mapping[str, Statement]:
    """The statements of a file by name.

    Raises ValueError for a name that is none or stands there twice, a missing description, a missing statement.
    """
    content = path.read_text(encoding="utf-8")
    parts = _NAME.split(content)
    if len(parts) // 2 != len(_ANY_NAME.findall(content)):
        raise ValueError(
            f"{path.name}: a `-- name:` line names nothing: lower-case letters, digits and _ only"
        )
    found: dict[str, Statement] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        first, _, text = body.strip().partition("\n")
        if not first.startswith("-- "):
            raise ValueError(f"{path.name}: statement {name} has no description")
        if name in found:
            raise ValueError(f"{path.name}: statement {name} stands there twice")
        # A file of the package is as literal as a string in the code: nothing from outside is in it.
        plain = text.strip().removesuffix(";")
        if not plain:
            raise ValueError(f"{path.name}: statement {name} is empty")
        found[name] = Statement(name, first[3:], cast(LiteralString, plain))
    return found


def beside(module_file: str) -> Mapping[str, Statement]:
    """The statements of the `.sql` file that has the module's own name."""
    return load(Path(module_file).with_suffix(".sql"))
