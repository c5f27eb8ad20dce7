"""What this installation watches: vendors, products and packages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class ProductOrigin(StrEnum):
    """How a product came to be watched."""

    PERSON = "person"
    CSV = "csv"
    SCAN = "scan"
    RECORD = "record"


class Wanted(NamedTuple):
    """A product that somebody wants watched: a vendor, a product (of the vendor where one is given), or a purl."""

    vendor: str | None = None
    product: str | None = None
    purl: str | None = None
    note: str | None = None

    @property
    def shown(self) -> str:
        """What it is called."""
        return self.purl or " ".join(filter(None, (self.vendor, self.product)))


class Watched(NamedTuple):
    """A watched product as texts and records are compared with it."""

    id: int
    vendor: str | None
    product: str | None
    purl: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """A watched product. `touched` counts the vulnerabilities that touch it, None until they were looked for."""

    id: int
    vendor: str | None
    product: str | None
    purl: str | None
    shown: str
    origin: ProductOrigin
    note: str | None
    created_by: str
    created_at: datetime
    touched: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of an import, or a name, that cannot be watched, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of several products at once: how many are new, how many were watched already, which could not be."""

    added: int
    known: int
    refused: tuple[Refused, ...] = ()
