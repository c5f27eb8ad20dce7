"""Plain values from outside as typed records."""

import re
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from assay.errors import BadRecord

Shape = TypeVar("Shape", bound=msgspec.Struct)

# No name, version or address holds one, and PostgreSQL keeps no NUL.
_NUL = rb"\u0000"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def shaped(value: Any, shape: type[Shape], *, is_whole: bool = True) -> Shape:
    """A plain value as that record. BadRecord: `wrong-type`, `too-deep`, `control-character`.

    A text field is one line; in fields of any type only a NUL is refused. They are not looked into if the record is
    not whole but holds entries that are read by themselves.
    """
    try:
        found = msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise BadRecord("wrong-type", str(error)) from error
    except RecursionError as error:
        raise BadRecord("too-deep", "values nested too deeply") from error
    _check_lines(found)
    if is_whole:
        _check_inner(found)
    return found


@lru_cache(maxsize=256)
def _typed(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(shape) if field.type is not Any)


def _check_lines(record: msgspec.Struct) -> None:
    for name in _typed(type(record)):
        value = getattr(record, name)
        if isinstance(value, str) and not value.isprintable() and _CONTROL.search(value):
            raise BadRecord("control-character", f"`{name}` holds a control character: {value[:60]!r}")


def _check_inner(record: msgspec.Struct) -> None:
    try:
        if _NUL not in msgspec.json.encode(record):
            return
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass  # no JSON, so it is looked at value by value
    stack: list[Any] = [getattr(record, name) for name in record.__struct_fields__]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if "\0" in value:
                raise BadRecord("control-character", f"a NUL in {value[:60]!r}")
        elif isinstance(value, dict):
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, list | tuple):
            stack.extend(value)
