"""What the interface's description says of answers."""

from typing import Any

import msgspec
import pytest

from assay.web.answers import schema_of, title_of


class Part(msgspec.Struct):
    """A part.

    It has a second paragraph,
    in two lines.
    """

    description: str = ""


class Whole(msgspec.Struct):
    part: Part


def test_descriptions_are_not_indented_as_their_classes_are():
    found: dict[str, Any] = schema_of(Whole)["properties"]["part"]
    assert found["description"] == "A part.\n\nIt has a second paragraph,\nin two lines."
    assert found["properties"]["description"]["type"] == "string"


@pytest.mark.parametrize(
    ("status", "title"),
    [(404, "Not Found"), (413, "Content Too Large"), (422, "Unprocessable Content")],
)
def test_statuses_are_called_as_http_calls_them(status, title):
    assert title_of(status) == title
