"""What is watched."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.cli.output import count, spoken, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.pipelines.feeds.model.products import Product


def products_screen(found: Sequence["Product"]) -> list["RenderableType"]:
    """Watched products for people."""
    lines = table(
        "id",
        "vulnerabilities",
        "product",
        "from",
        "by",
        "note",
        right=("id", "vulnerabilities"),
        wide="product",
    )
    for one in found:
        kind = (
            "" if one.purl or (one.vendor and one.product) else " (vendor)" if one.vendor else " (any vendor)"
        )
        lines.add_row(
            str(one.id),
            spoken("looking") if one.touched is None else count(one.touched),
            spoken(one.shown, (kind, "dim")),
            spoken(one.origin.value),
            spoken(one.created_by),
            spoken(one.note or ""),
        )
    return [lines]
