"""Plain values from outside as typed records."""

import re
from typing import Any, TypeVar

import msgspec

from assay.errors import BadRecord

Shape = TypeVar("Shape", bound=msgspec.Struct)

# No name, version or address holds one, and PostgreSQL keeps no NUL.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def shaped(value: Any, shape: type[Shape]) -> Shape:
    """A plain value as that record. BadRecord: `wrong-type`, `too-deep`, `control-character`.

    A text field is one line; within fields of any type only a NUL is refused.
    """
    try:
        found = msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise BadRecord("wrong-type", str(error)) from error
    except RecursionError as error:
        raise BadRecord("too-deep", "values nested too deeply") from error
    _check_text(found)
    return found


def _check_text(record: msgspec.Struct) -> None:
    stack: list[Any] = []
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, str):
            if _CONTROL.search(value):
                raise BadRecord("control-character", f"`{name}` holds a control character: {value[:60]!r}")
        elif isinstance(value, dict | list | tuple):
            stack.append(value)
    while stack:
        inner = stack.pop()
        if isinstance(inner, str):
            if "\0" in inner:
                raise BadRecord("control-character", f"a NUL in {inner[:60]!r}")
        elif isinstance(inner, dict):
            stack.extend(inner)
            stack.extend(inner.values())
        elif isinstance(inner, list | tuple):
            stack.extend(inner)
