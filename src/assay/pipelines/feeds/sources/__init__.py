"""One module per kind of source; there is no list: the folder is walked."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.pipelines.feeds.model.documents import Reader
    from assay.pipelines.feeds.model.sources import Kind


@cache
def discover() -> "Mapping[Kind, Reader]":
    """The reader of every kind."""
    readers = [import_module(f"{__name__}.{entry.name}").READER for entry in iter_modules(__path__)]
    return {reader.kind: reader for reader in readers}
