"""go.sum: the checksums of every module that go has looked at (Go Modules Reference, "go.sum files")."""

from collections.abc import Iterable

from assay.domain.entries import each
from assay.domain.plain import text
from assay.domain.purl import purl_of
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Package, inventory_of

_ECOSYSTEM = "Go"


def read(path: str, content: bytes) -> Inventory:
    """Every module whose content has a checksum; more than are built, since go.sum keeps what was once needed.

    A line for `<version>/go.mod` alone says that only the module's requirements were read, so it is no package.
    """
    sums: dict[tuple[str, str], tuple[str, list[str]]] = {}

    def module(place: str, line: str) -> None:
        fields = line.split()
        if len(fields) != 3 or ":" not in fields[2]:
            raise BadRecord("not-a-checksum", f"not `module version hash`: {line[:200]!r}")
        name, version, checksum = fields
        if not version.endswith("/go.mod"):
            sums.setdefault((name, version), (place, []))[1].append(checksum)

    _, refused = each(_lines(content), module)
    if refused and not sums:
        raise BadRecord("not-go-sum", f"{path} has no line of a go.sum: {refused[0][2]}")
    packages, unnamed = each(
        ((place, (name, version, hashes)) for (name, version), (place, hashes) in sums.items()), _package
    )
    return inventory_of(FORMAT.name, packages, refused + unnamed)


def _lines(content: bytes) -> Iterable[tuple[str, str]]:
    return (
        (f"line {number}", line) for number, line in enumerate(text(content).split("\n"), 1) if line.strip()
    )


def _package(place: str, module: tuple[str, str, list[str]]) -> Package:
    name, version, hashes = module
    return Package(
        key=f"{name}@{version}",
        ecosystem=_ECOSYSTEM,
        name=name,
        version=version,
        purl=purl_of(_ECOSYSTEM, name, version),
        place=place,
        integrity=tuple(dict.fromkeys(hashes)),
    )


FORMAT = Format(
    name="go.sum", title="go.sum", ecosystem=_ECOSYSTEM, names=("go.sum", "go.work.sum"), read=read
)
