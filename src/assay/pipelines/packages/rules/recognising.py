"""Of which format a file is: by its name, and where that says nothing or several things, by how it begins."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from assay.pipelines.packages.model import Format

HEAD_BYTES = 4096


def formats_named(formats: Mapping[str, Format], base_name: str) -> list[Format]:
    """The formats whose files may have this base name, without regard to case."""
    lower = base_name.lower()
    return [
        form
        for form in formats.values()
        if any(fnmatchcase(lower, pattern.lower()) for pattern in form.names)
    ]


def format_of(formats: Mapping[str, Format], base_name: str, head: bytes) -> Format | None:
    """The format of a file that a person named; None where neither its name nor its first 4 KiB tell."""
    named = formats_named(formats, base_name)
    if len(named) == 1:
        return named[0]
    for form in named or formats.values():
        if form.recognises is not None and form.recognises(head):
            return form
    return named[0] if named else None
