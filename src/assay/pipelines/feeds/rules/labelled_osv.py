"""OSV records as labelled texts: the prose that GitHub and others wrote, and the packages that stand beside it."""

from dataclasses import dataclass

import msgspec

from assay.pipelines.feeds.model.names import Known
from assay.pipelines.feeds.rules import labels
from assay.pipelines.feeds.rules.cleaning import clean
from assay.pipelines.feeds.rules.labelled import Labelled, Pair, Truth, prose_of
from assay.pipelines.feeds.rules.names import package_row

_MOST_PACKAGES = 40
# Bitnami's records repeat the CVE's description beside the name of a container image, so neither is a label.
_COPIES = frozenset(("BIT",))


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Affected(msgspec.Struct):
    package: _Package | None = None


class _Record(msgspec.Struct):
    affected: list[_Affected] = []


_DECODE = msgspec.json.Decoder(_Record).decode


@dataclass(frozen=True, slots=True)
class Packaged(Labelled):
    """A labelled text of an OSV record, with its packages as the catalog would teach them."""

    packages: tuple[Known, ...]


def from_osv(raw: bytes) -> Packaged | None:
    """A standing OSV record as its author would have posted it: name and summary, the details, the links.

    The product is the package, by its name alone or with its owner's or group's in front; the vendor is the owner that
    the ecosystem names, and without a label where it names none. None for one that was withdrawn, for one whose prose
    is another's, and for other JSON.
    """
    label = labels.of_osv(raw)
    if label is None or not label.name or label.source in _COPIES:
        return None
    affected = _DECODE(raw).affected[:_MOST_PACKAGES]
    named = dict.fromkeys(
        (one.package.ecosystem.partition(":")[0], one.package.name)
        for one in affected
        if one.package is not None and one.package.name
    )
    rows = {place: row for place in named if (row := package_row(*place)).product}
    title = f"{label.name}: {label.title}" if label.title else label.name
    plain = prose_of(label)
    # As feeds bring it: Markdown that is made readable.
    prose = clean(label.body.encode(), "text/markdown", title, None)
    return Packaged(
        prose=msgspec.structs.replace(
            prose,
            links=tuple(dict.fromkeys((*prose.links, *plain.links))),
            published=plain.published,
        ),
        truth=Truth(
            cna=tuple(dict.fromkeys(pair for place, row in rows.items() for pair in _pairs(place[1], row)))
        ),
        label=label,
        packages=tuple(dict.fromkeys(rows.values())),
    )


def _pairs(name: str, row: Known) -> tuple[Pair, Pair]:
    vendor = row.vendor_shown if row.vendor else ""
    return (vendor, row.product_shown), (vendor, name)
