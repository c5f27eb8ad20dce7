"""One file per outside source: where it is, how often, how to read it. Found by walking this folder."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from assay.pipelines.advisories.model import RecordSource, ScoreSource, Source


def discover() -> Mapping[str, Source]:
    """Every source of this folder by name, in alphabetical order.

    Raises TypeError for a module without a `SOURCE`, ValueError for one whose name differs from its file's.
    """
    found: dict[str, Source] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda entry: entry.name):
        source = getattr(import_module(f"{__name__}.{module.name}"), "SOURCE", None)
        if not isinstance(source, RecordSource | ScoreSource):
            raise TypeError(f"sources/{module.name}.py defines no SOURCE")
        if source.name != module.name:
            raise ValueError(
                f"sources/{module.name}.py calls its source {source.name!r}; the names must agree"
            )
        found[source.name] = source
    return found
