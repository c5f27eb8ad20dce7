"""What may be watched: a vendor, a product, a package; as a person writes it, and as lines of CSV."""

import csv
from collections.abc import Iterable, Iterator, Mapping

from assay.domain.purl import purl_of, read_purl
from assay.errors import BadRecord
from assay.pipelines.feeds.model.products import Refused, Wanted
from assay.pipelines.feeds.rules.watching import vendor_words, words_of

MOST_AT_ONCE = 20_000
"""Lines of one import."""
_LONGEST = 300
_LONGEST_NOTE = 1000
_COLUMNS = ("vendor", "product", "purl", "note")


def read_wanted(
    vendor: str | None = None, product: str | None = None, purl: str | None = None, note: str | None = None
) -> Wanted:
    """A product as it is watched: names in one line, a purl without its version. Raises BadRecord for what is none."""
    vendor, product, purl = _line(vendor, "vendor"), _line(product, "product"), _line(purl, "purl")
    note = (note or "").strip()[:_LONGEST_NOTE] or None
    if purl is not None:
        if vendor or product:
            raise BadRecord("two-names", "a purl names its package by itself: leave vendor and product out")
        return Wanted(purl=_bare(purl), note=note)
    if vendor is None and product is None:
        raise BadRecord("no-name", "name a vendor, a product or a purl")
    if vendor is not None and not vendor_words(vendor):
        raise BadRecord("bad-name", f"{vendor!r} is the name of no vendor")
    if product is not None and not words_of(product):
        raise BadRecord("bad-name", f"{product!r} is the name of no product")
    return Wanted(vendor, product, None, note)


def _line(text: str | None, what: str) -> str | None:
    said = " ".join((text or "").split())
    if len(said) > _LONGEST:
        raise BadRecord("too-long", f"a {what} has at most {_LONGEST} letters")
    if not said.isprintable() or "\ufffd" in said:
        raise BadRecord("bad-name", f"this {what} has letters in it that cannot be shown: is the file UTF-8?")
    return said or None


def _bare(purl: str) -> str:
    read = read_purl(purl)
    if read is None:
        raise BadRecord(
            "bad-purl",
            f"{purl!r} is no package URL of an ecosystem that advisories speak of, such as pkg:npm/lodash",
        )
    return purl_of(read[0], read[1])


def read_csv(text: str) -> Iterator[tuple[int, Wanted | Refused]]:
    """Each line that is not empty, by its number from 1, as what is wanted or why it cannot be.

    The first line may name the columns, in any order: vendor, product, purl, note. Without such a line these are the
    columns, and a line with only a purl is one. Commas, semicolons or tabs separate them.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    columns: tuple[str, ...] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _header(cells)
                if columns:
                    continue
            yield reader.line_num, _row(reader.line_num, cells, columns or _COLUMNS)
    except csv.Error as error:
        yield (
            reader.line_num,
            Refused(reader.line_num, "", f"from here on this is no CSV ({error}): correct the quotes"),
        )


def _header(cells: Iterable[str]) -> tuple[str, ...]:
    """The columns that a first line names; nothing where it is a line like the others."""
    names = tuple(cell.strip().lower() for cell in cells)
    return names if {"vendor", "product", "purl"} & set(names) else ()


def _row(number: int, cells: list[str], columns: tuple[str, ...]) -> Wanted | Refused:
    given: Mapping[str, str] = dict(zip(columns, cells, strict=False))
    filled = [cell.strip() for cell in cells if cell.strip()]
    if any(cell.strip() for cell in cells[len(columns) :]):
        said = f"this line has {len(cells)} columns where there are {len(columns)}"
        return Refused(number, ", ".join(cells)[:200], said)
    try:
        if len(filled) == 1 and filled[0].startswith("pkg:"):
            return read_wanted(purl=filled[0])
        return read_wanted(*(given.get(name) for name in _COLUMNS))
    except BadRecord as error:
        return Refused(number, ", ".join(cells)[:200], error.detail)
