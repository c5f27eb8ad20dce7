"""The CVE list: the records that CNAs write and ADPs add to, in the CVE record format 5.

Source of the rules: https://github.com/CVEProject/cve-schema, formats 5.0 to 5.2. The CNA container speaks
first, ADP containers in their order after it; of what both say, the CNA's stands.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from assay.catalog.model import Claim, Product
from assay.domain import cve_ranges, cve_record
from assay.domain.cve_record import Adp, Block, Cna, Metadata, Text
from assay.domain.identifiers import is_cve, normalise, normalise_all
from assay.domain.osv import Credit, Reference, Severity
from assay.errors import BadRecord
from assay.pipelines.advisories.model import Download, RecordSource

VERSIONS_KEPT = 500

_NAME = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_GHSA = re.compile(r"(?<![0-9a-z])GHSA(?:-[0-9a-z]{4}){3}(?![0-9a-z-])", re.IGNORECASE)
_CWE = re.compile(r"\s*CWE-0*([1-9][0-9]*)(?![0-9])", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]+")
_DISPUTED = re.compile(r"\s*\*\*\s*DISPUTED\s*\*\*")
_SCHEME = re.compile(r"(?:https?|ftp|git)://[^\s]", re.IGNORECASE)
_NOT_ALNUM = re.compile(r"[\W_]+")

_GITHUB = "a0819718-46f1-4df5-94e2-005712e83aaa"
# Reference tags and the OSV types they stand for, the most telling first.
_LINK_TYPES = {
    "patch": (0, "FIX"),
    "vendor-advisory": (1, "ADVISORY"),
    "third-party-advisory": (1, "ADVISORY"),
    "issue-tracking": (2, "REPORT"),
    "exploit": (3, "EVIDENCE"),
    "mailing-list": (4, "ARTICLE"),
    "technical-description": (4, "ARTICLE"),
    "product": (5, "PACKAGE"),
}
_WEB = (6, "WEB")
_CREDIT_TYPE = re.compile(
    "FINDER|REPORTER|ANALYST|COORDINATOR|REMEDIATION_DEVELOPER|REMEDIATION_REVIEWER|REMEDIATION_VERIFIER"
    "|TOOL|SPONSOR|OTHER"
)
# CVSS vectors by their first characters; in this order they are given.
_CVSS = {"CVSS:4.0/": "CVSS_V4", "CVSS:3.1/": "CVSS_V3", "CVSS:3.0/": "CVSS_V3", "AV:": "CVSS_V2"}


class _Rating(msgspec.Struct, frozen=True, gc=False):
    # The keys under which CNAs put a severity word; the content of `other` has no schema.
    text: str | None = None
    value: str | None = None
    other: str | None = None


class _Origin(msgspec.Struct, frozen=True, gc=False):
    advisory: str | None = None


_RATING = msgspec.json.Decoder(_Rating)
_ORIGIN = msgspec.json.Decoder(_Origin)


def locate(path: str) -> str | None:
    """The CVE id of a member named after one (`<root>/cves/2024/3xxx/CVE-2024-3014.json`), in any folder."""
    if not path.endswith(".json"):
        return None
    name = path[path.rfind("/") + 1 : -5]
    return name if _NAME.fullmatch(name) else None


def read(record_id: str, raw: bytes) -> Claim:
    """What a CVE record says.

    A GHSA id in the CNA's `source.advisory` is an alias where GitHub is the CNA: of 854 such records of the
    2024 list, all 454 whose GHSA is in the OSV set of that time are that GHSA's only CVE, none disagrees.
    Any other GHSA, named there or in a reference, is only related. An ADP's title is its name, no summary.

    Raises BadRecord `not-json`, `too-deep`, `wrong-type`, `foreign-schema`, `missing-id`, `id-mismatch`.
    """
    record = cve_record.decode(raw)
    if record.cve_metadata is None and cve_record.is_foreign(raw):
        raise BadRecord(
            "foreign-schema", "a record about a CVE in another schema than the CVE record format 5"
        )
    meta = record.cve_metadata or Metadata()
    own = _own(record_id, meta)
    if record.data_version and not record.data_version.startswith("5"):
        raise BadRecord("foreign-schema", f"CVE record format {record.data_version}; this reader knows 5")
    containers = record.containers or cve_record.Containers()
    cna = containers.cna
    if _is_rejected(meta, cna):
        return _rejected(record_id, own, meta, cna or Cna())
    if cna is None:
        raise BadRecord("wrong-type", "Expected `object`, got nothing - at `$.containers.cna`")
    return _published(record_id, own, meta, cna, containers.adp or ())


def _own(record_id: str, meta: Metadata) -> str:
    if meta.cve_id == record_id and is_cve(record_id):
        return record_id
    own = normalise(meta.cve_id) if meta.cve_id else None
    if own is None:
        raise BadRecord("missing-id", "the record has no cveMetadata.cveId")
    if own != normalise(record_id):
        raise BadRecord("id-mismatch", f"the record calls itself {own}, its path {record_id}")
    return own


def _is_rejected(meta: Metadata, cna: Cna | None) -> bool:
    # The submission form of some CNAs has no state; only a rejection carries reasons.
    if meta.state:
        return meta.state.upper() == "REJECTED"
    return cna is not None and bool(cna.rejected_reasons)


def _rejected(record_id: str, own: str, meta: Metadata, cna: Cna) -> Claim:
    modified = _modified(meta, cna)
    return Claim(
        source="cve",
        record_id=record_id,
        own=own,
        related=tuple(name for name in normalise_all(cna.replaced_by) if name != own),
        published=_moment(meta.date_published),
        modified=modified,
        withdrawn=_moment(meta.date_rejected) or modified,
        is_rejected=True,
        details=_in_english(cna.rejected_reasons or cna.descriptions or ()),
    )


def _published(record_id: str, own: str, meta: Metadata, cna: Cna, adps: tuple[Adp, ...]) -> Claim:
    containers: tuple[Cna | Adp, ...] = (cna, *adps)
    details = next((text for one in containers if (text := _in_english(one.descriptions or ()))), None)
    severity = _severity(containers)
    references = _references(containers)
    aliases, related = _other_names(meta, cna, references)
    is_disputed = "disputed" in (cna.tags or ()) or (
        details is not None and _DISPUTED.match(details) is not None
    )
    return Claim(
        source="cve",
        record_id=record_id,
        own=own,
        aliases=aliases,
        related=related,
        published=_moment(meta.date_published) or _moment(cna.date_public),
        modified=_modified(meta, cna),
        is_disputed=is_disputed,
        summary=(cna.title or "").strip() or None,
        details=details,
        severity=severity,
        severity_word=_severity_word(containers, cna, has_vector=bool(severity)),
        affected=cve_ranges.affected(one.affected for one in containers),
        products=_products(cna, adps),
        references=references,
        cwes=_cwes(containers),
        credits=_credits(containers),
    )


def _moment(text: str | None) -> datetime | None:
    """The time in UTC, which is meant where no zone is given; None for what is no time and for the year 1."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is not UTC:
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None


def _modified(meta: Metadata, cna: Cna) -> datetime | None:
    provider = cna.provider_metadata
    return _moment(meta.date_updated) or (_moment(provider.date_updated) if provider else None)


def _in_english(texts: Iterable[Text]) -> str | None:
    english = other = None
    for text in texts:
        if not text.value or text.value.isspace():
            continue
        language = (text.lang or "").lower()
        if language == "en":
            return text.value
        if language.startswith(("en-", "en_", "eng")):
            english = english or text.value
        other = other or text.value
    return english or other


def _severity(containers: tuple[Cna | Adp, ...]) -> tuple[Severity, ...]:
    vectors: dict[str, str] = {}
    for container in containers:
        for metric in container.metrics or ():
            for cvss in (metric.v4_0, metric.v3_1, metric.v3_0, metric.v2_0):
                if cvss is not None and cvss.vector_string:
                    vector = cvss.vector_string.strip().strip("()")
                    vectors.setdefault(vector[:9] if vector.startswith("CVSS:") else vector[:3], vector)
    if not vectors:
        return ()
    return tuple(
        Severity(type=kind, score=vectors[start]) for start, kind in _CVSS.items() if start in vectors
    )


def _severity_word(containers: tuple[Cna | Adp, ...], cna: Cna, *, has_vector: bool) -> str | None:
    for rating in cna.metrics or ():
        if rating.other is not None and (word := _rated(rating.other.content)):
            return word
    for container in () if has_vector else containers:
        for metric in container.metrics or ():
            for cvss in (metric.v4_0, metric.v3_1, metric.v3_0, metric.v2_0):
                if cvss is not None and (word := _word(cvss.base_severity)):
                    return word
    return None


def _rated(content: msgspec.Raw) -> str | None:
    try:
        rating = _RATING.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _word(rating.text) or _word(rating.value) or _word(rating.other)


def _word(text: str | None) -> str | None:
    text = (text or "").strip()
    return text.upper() if _WORD.fullmatch(text) and text.lower() != "unknown" else None


def _references(containers: tuple[Cna | Adp, ...]) -> tuple[Reference, ...]:
    types: dict[str, str] = {}
    for container in containers:
        for link in container.references or ():
            url = (link.url or "").strip()
            kind = types.get(url)
            # ADPs repeat the CNA's links, often with the tags that the CNA did not set.
            if kind == "WEB" or (kind is None and _SCHEME.match(url)):
                types[url] = _link_type(link.tags) if link.tags else "WEB"
    return tuple([Reference(kind, url) for url, kind in types.items()])


@lru_cache(1024)
def _link_type(tags: tuple[str, ...]) -> str:
    return min(_LINK_TYPES.get(tag, _WEB) for tag in tags)[1]


def _other_names(
    meta: Metadata, cna: Cna, references: tuple[Reference, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    aliases: tuple[str, ...] = ()
    related: dict[str, None] = {}
    for reference in references:
        url = reference.url
        if "GHSA-" in url or "ghsa-" in url:
            related.update(dict.fromkeys(normalise_all(_GHSA.findall(url))))
    advisory = _advisory(cna.source)
    if advisory is not None:
        if meta.assigner_org_id == _GITHUB or meta.assigner_short_name == "GitHub_M":
            aliases = (advisory,)
            related.pop(advisory, None)
        else:
            related = {advisory: None, **related}
    return aliases, tuple(related)


def _advisory(source: msgspec.Raw) -> str | None:
    if b"GHSA-" not in bytes(source):
        return None
    try:
        advisory = normalise(_ORIGIN.decode(source).advisory or "")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return advisory if advisory and _GHSA.fullmatch(advisory) else None


def _cwes(containers: tuple[Cna | Adp, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for container in containers:
        for problem in container.problem_types or ():
            for weakness in problem.descriptions or ():
                match = _CWE.match(weakness.cwe_id or "") or _CWE.match(weakness.description or "")
                if match:
                    found["CWE-" + match[1]] = None
    return tuple(found)


def _credits(containers: tuple[Cna | Adp, ...]) -> tuple[Credit, ...]:
    found: dict[Credit, None] = {}
    for container in containers:
        for thanks in container.credits or ():
            name = (thanks.value or "").strip()
            if name:
                found[Credit(name=name, type=_credit_type(thanks.type))] = None
    return tuple(found)


def _credit_type(text: str | None) -> str | None:
    if not text:
        return None
    kind = text.strip().upper().replace(" ", "_")
    return kind if _CREDIT_TYPE.fullmatch(kind) else "OTHER"


def _products(cna: Cna, adps: tuple[Adp, ...]) -> tuple[Product, ...]:
    found = [product for block in cna.affected or () if (product := _product(block)) is not None]
    added = [_product(block) for adp in adps for block in adp.affected or ()]
    if added:
        found = _joined(found, [product for product in added if product is not None])
    if len(found) < 2:
        return tuple(found)
    # A block of commits only (told as a range) says nothing beside the block of the same product's versions.
    told = {(one.vendor, one.product) for one in found if one.versions}
    kept = (
        one
        for one in found
        if one.versions or one.cpes or one.default_status or (one.vendor, one.product) not in told
    )
    return tuple(dict.fromkeys(kept))


def _product(block: Block) -> Product | None:
    vendor = _named(block.vendor)
    name = _named(block.product) or _named(block.package_name)
    commits, others = cve_ranges.partition(block)
    versions = [text for one in others if (text := one.prose())]
    cpes = tuple(dict.fromkeys(block.cpes)) if block.cpes else ()
    if not (vendor or name or versions or cpes):
        return None
    if len(versions) > VERSIONS_KEPT:
        versions[VERSIONS_KEPT:] = [f"({len(versions) - VERSIONS_KEPT} more left out)"]
    # `unaffected` is the standing of versions not named; where none could be named it would deny the hits.
    is_silent = not versions and bool(commits or others)
    return Product(
        vendor=vendor,
        product=name,
        versions=tuple(versions),
        default_status=None if is_silent and block.default_status == "unaffected" else block.default_status,
        cpes=cpes,
    )


def _joined(own: list[Product], added: list[Product]) -> list[Product]:
    # CISA repeats the CNA's products in CPE's spelling (`Linux Kernel` as `linux_kernel`), with the CPE name,
    # and fills in the versions where the CNA put a placeholder only.
    spelt = [(_spelling(one), one) for one in own]
    spelt_added = [(_spelling(one), one) for one in added]
    answered = {name for name, one in spelt if one.versions or one.default_status not in (None, "unknown")}
    repeated = {name: one.cpes for name, one in reversed(spelt_added)}
    known = [
        msgspec.structs.replace(one, cpes=repeated[name]) if name in repeated and not one.cpes else one
        for name, one in spelt
        if name in answered or name not in repeated
    ]
    return known + [one for name, one in spelt_added if name not in answered]


def _spelling(product: Product) -> tuple[str, str]:
    return _letters(product.vendor), _letters(product.product)


@lru_cache(8192)
def _letters(text: str | None) -> str:
    return _NOT_ALNUM.sub("", (text or "").lower())


def _named(text: str | None) -> str | None:
    return None if text is None or cve_record.is_vague(text) else text.strip()


SOURCE = RecordSource(
    name="cve",
    title="CVE list",
    home="https://www.cve.org",
    licence="CVE Terms of Use",
    attribution="CVE® is a registered trademark of The MITRE Corporation. Copyright © The MITRE Corporation.",
    transport=Download("https://github.com/CVEProject/cvelistV5/archive/refs/heads/main.zip"),
    schedule="36 * * * *",
    reader_version=1,
    read=read,
    locate=locate,
    # The list re-stamps containers and SSVC decisions that say the same as before.
    volatile=re.compile(rb'"(?:dateUpdated|timestamp)"\s*:\s*"[^"]*"'),
    volatile_marks=(b'"dateUpdated"', b'"timestamp"'),
    notes="The terms, https://www.cve.org/Legal/TermsOfUse, let all use, copy and distribute CVE records, as "
    "long as every copy reproduces MITRE's copyright designation and the licence.",
)
