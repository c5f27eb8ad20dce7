"""Texts with their true answers, made of CVE records: what the extraction is fitted and measured with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.domain import cve_record
from assay.domain.cve_record import Adp, Block, Cna
from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.rules.names import plain, plain_vendor

_MOST_NAMES = 40
_WORST = {"CRITICAL": "critical", "HIGH": "high", "MEDIUM": "medium", "LOW": "low"}


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right to say of a text. `pairs` are (vendor, product) as written, whoever wrote them.

    `fixed` are the first versions that are not affected, `last` the last ones that are.
    """

    identifier: str
    pairs: tuple[tuple[str, str], ...] = ()
    fixed: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    cwes: frozenset[str] = frozenset()

    @property
    def vendors(self) -> frozenset[str]:
        """The vendors, normalised."""
        return frozenset(name for vendor, _ in self.pairs if (name := plain_vendor(vendor)))

    @property
    def products(self) -> frozenset[str]:
        """The products, normalised."""
        return frozenset(name for _, product in self.pairs if (name := plain(product)))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, when it was published, and what is right to say of it."""

    prose: Prose
    truth: Truth
    published: datetime | None = None
    told_by: str | None = field(default=None)


def from_cve(raw: bytes, *, with_title: bool = True) -> Labelled | None:
    """A published CVE record as its author would have posted it: name and title, the description, the links.

    None for a record that is rejected or says nothing in English. Raises BadRecord.
    """
    record = cve_record.decode(raw)
    meta, containers = record.cve_metadata, record.containers
    if meta is None or containers is None or containers.cna is None or not meta.cve_id:
        return None
    cna = containers.cna
    body = next(
        (t.value for t in cna.descriptions or () if t.value and (t.lang or "en").lower()[:2] == "en"), None
    )
    if (meta.state or "").upper() == "REJECTED" or cna.rejected_reasons or not body:
        return None
    title = f"{meta.cve_id}: {cna.title.strip()}" if cna.title and with_title else meta.cve_id
    links = tuple(dict.fromkeys(link.url.strip() for link in cna.references or () if link.url))
    published = _moment(meta.date_published)
    return Labelled(
        prose=Prose(text=f"{title}\n\n{body}", title_end=len(title), links=links, published=published),
        truth=_truth(meta.cve_id, (cna, *(containers.adp or ()))),
        published=published,
        told_by=meta.assigner_short_name,
    )


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


def _truth(identifier: str, containers: tuple[Cna | Adp, ...]) -> Truth:
    pairs: dict[tuple[str, str], None] = {}
    fixed: set[str] = set()
    last: set[str] = set()
    for container in containers:
        for block in container.affected or ():
            pairs[(_named(block.vendor), _named(block.product) or _named(block.package_name))] = None
    for block in containers[0].affected or ():
        _add_bounds(block, fixed, last)
    return Truth(
        identifier=identifier,
        pairs=tuple(pair for pair in list(pairs)[:_MOST_NAMES] if any(pair)),
        fixed=frozenset(fixed),
        last=frozenset(last),
        severities=_severities(containers),
        cwes=frozenset(
            weakness.cwe_id.upper()
            for container in containers
            for problem in container.problem_types or ()
            for weakness in problem.descriptions or ()
            if weakness.cwe_id
        ),
    )


def _named(text: str | None) -> str:
    return "" if text is None or cve_record.is_vague(text) else text.strip()


def _add_bounds(block: Block, fixed: set[str], last: set[str]) -> None:
    for version in block.versions or ():
        if version.version_type == "git" or (version.status or "affected") != "affected":
            continue
        below, up_to = version.limits()
        if below:
            fixed.add(below)
        if up_to:
            last.add(up_to)


def _severities(containers: tuple[Cna | Adp, ...]) -> frozenset[str]:
    return frozenset(
        _WORST[cvss.base_severity.upper()]
        for container in containers
        for metric in container.metrics or ()
        for cvss in (metric.v4_0, metric.v3_1, metric.v3_0)
        if cvss is not None and cvss.base_severity and cvss.base_severity.upper() in _WORST
    )
