"""Reports as indented JSON."""

import json
from typing import Any

import msgspec


def as_json(value: Any) -> str:
    """JSON, indented by two, with a line end. The names of files that are no Unicode are escaped."""
    try:
        # Ten times as fast as the standard library's, which indents in Python.
        written = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    except UnicodeEncodeError:
        written = json.dumps(value, indent=2)
    return written + "\n"
