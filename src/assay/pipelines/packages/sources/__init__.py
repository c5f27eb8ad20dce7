"""One file per format: how it is called and how to read it. Found by walking this folder."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from assay.pipelines.packages.model import Format


def discover() -> Mapping[str, Format]:
    """Every format of this folder by name, in alphabetical order.

    Raises TypeError for a module without a `FORMAT`, ValueError for one whose name differs from its file's
    (`-` and `.` in a format's name are `_` in the file's).
    """
    found: dict[str, Format] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda entry: entry.name):
        form = getattr(import_module(f"{__name__}.{module.name}"), "FORMAT", None)
        if not isinstance(form, Format):
            raise TypeError(f"sources/{module.name}.py defines no FORMAT")
        if form.name.replace("-", "_").replace(".", "_") != module.name:
            raise ValueError(f"sources/{module.name}.py calls its format {form.name!r}; the names must agree")
        found[form.name] = form
    return found
