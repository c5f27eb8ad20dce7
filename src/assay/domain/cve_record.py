"""The CVE record format 5 as types, as far as Assay speaks of it, and how raw bytes become them.

Source of the shapes: CVE record format 5.0 to 5.2, https://github.com/CVEProject/cve-schema. Everything is
optional, for the CNA submission form leaves out most of `cveMetadata`. What is not named here (half of the
bytes: configurations, HTML copies of the text, single CVSS metrics, timelines) is skipped unread.
"""

import re

import msgspec

from assay.errors import BadRecord

# Placeholders that name no version (they fill obligatory fields); "*" is every version.
_VAGUE = frozenset(("", "n/a", "unspecified"))


def is_vague(text: str) -> bool:
    """Whether the text only fills an obligatory field."""
    # The first character spares nearly all versions the rest.
    return text[:1] in " \tnNuU" and text.strip().lower() in _VAGUE


def says_nothing(version: str) -> bool:
    """Whether this, as a limit, limits nothing."""
    # One look at the first character for nearly all versions, as above.
    return version[:1] in " \tnNuU*" and (version == "*" or is_vague(version))


def _compared(operator: str, version: str) -> str:
    return version if version[0] in "<>=" else f"{operator} {version}"


class Text(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A text in one language; the plain one, the HTML copy beside it is not read."""

    lang: str | None = None
    value: str | None = None


class Change(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """From the version `at` on, inside the range it stands in, the status is another."""

    at: str | None = None
    status: str | None = None


class Version(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One version, or the range from `version` to one of the two limits, and its status."""

    version: str | None = None
    status: str | None = None
    version_type: str | None = None
    less_than: str | None = None
    less_than_or_equal: str | None = None
    changes: tuple[Change, ...] | None = None

    def is_single(self) -> bool:
        """Whether the entry is one version, not a range."""
        return self.less_than is None and self.less_than_or_equal is None

    def limits(self) -> tuple[str | None, str | None]:
        """The first version past the range, or the last one in it; both None without an end ("*", "n/a")."""
        if self.less_than is not None and not says_nothing(self.less_than):
            return self.less_than.strip(), None
        if self.less_than_or_equal is not None and not says_nothing(self.less_than_or_equal):
            return None, self.less_than_or_equal.strip()
        return None, None

    def prose(self) -> str | None:
        """The entry in words: `1.0`, `>= 1.0, < 2.0`, `*` for all versions; None when it names no version.

        What is prose already stays as it is. Changes are told behind the range and do not shorten it, for
        real lists give one change per maintained branch and not in order (CVE-2024-2660, CVE-2024-3393).
        """
        lower = self.version or ""
        if self.less_than is None and self.less_than_or_equal is None:
            text = None if is_vague(lower) else lower
        else:
            text = self._range(lower)
        if text is None or not self.changes:
            return text
        ends = (self.less_than, self.less_than_or_equal)
        told = [f"{one.status} from {one.at}" for one in self.changes if one.at and one.at not in ends]
        return f"{text} ({', '.join(told)})" if told else text

    def _range(self, lower: str) -> str | None:
        below, up_to = self.limits()
        start = "" if lower == "0" or says_nothing(lower) else _compared(">=", lower)
        end = _compared("<", below) if below else _compared("<=", up_to) if up_to else ""
        if start and end:
            return lower if lower == up_to else f"{start}, {end}"
        if start or end:
            return start or end
        is_all = "*" in (self.less_than, self.less_than_or_equal, lower)
        return "*" if is_all else None


class Block(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An entry of `affected`: a product or package, and the status of its versions."""

    vendor: str | None = None
    product: str | None = None
    package_name: str | None = None
    package_url: str | None = None
    purl: str | None = msgspec.field(default=None, name="packageURL")  # format 5.2 spells it so
    repo: str | None = None
    default_status: str | None = None
    cpes: tuple[str, ...] | None = None
    versions: tuple[Version, ...] | None = None


class Weakness(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One language's words for a problem type, with the CWE id where its author filled it in."""

    cwe_id: str | None = None
    description: str | None = None


class ProblemType(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A problem type in several languages."""

    descriptions: tuple[Weakness, ...] | None = None


class Link(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A reference and its tags."""

    url: str | None = None
    tags: tuple[str, ...] | None = None


class Cvss(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A CVSS vector and the word for its score."""

    vector_string: str | None = None
    base_severity: str | None = None


class Metric(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One assessment, by any of the CVSS versions."""

    v4_0: Cvss | None = msgspec.field(default=None, name="cvssV4_0")
    v3_1: Cvss | None = msgspec.field(default=None, name="cvssV3_1")
    v3_0: Cvss | None = msgspec.field(default=None, name="cvssV3_0")
    v2_0: Cvss | None = msgspec.field(default=None, name="cvssV2_0")


class OtherMetric(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An assessment by another scheme; the content is free-form in the format."""

    content: msgspec.Raw = msgspec.Raw()


class CnaMetric(Metric, frozen=True, gc=False, rename="camel"):
    """A CNA's assessment; ADPs put SSVC into `other`, which is not read."""

    other: OtherMetric | None = None


class Thanks(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Whom a container credits."""

    value: str | None = None
    type: str | None = None


class Provider(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Who wrote a container, and when."""

    date_updated: str | None = None


class Container(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What CNA and ADP containers share."""

    descriptions: tuple[Text, ...] | None = None
    affected: tuple[Block, ...] | None = None
    problem_types: tuple[ProblemType, ...] | None = None
    references: tuple[Link, ...] | None = None
    credits: tuple[Thanks, ...] | None = None


class Adp(Container, frozen=True, gc=False, rename="camel"):
    """An authorised data publisher's container. Its `title` names the publisher, not the vulnerability."""

    metrics: tuple[Metric, ...] | None = None


class Cna(Container, frozen=True, gc=False, rename="camel"):
    """The container of the CNA that assigned the id."""

    title: str | None = None
    date_public: str | None = None
    tags: tuple[str, ...] | None = None
    rejected_reasons: tuple[Text, ...] | None = None
    replaced_by: tuple[str, ...] | None = None
    provider_metadata: Provider | None = None
    source: msgspec.Raw = msgspec.Raw()
    metrics: tuple[CnaMetric, ...] | None = None


class Containers(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The CNA's container, and those that ADPs added."""

    cna: Cna | None = None
    adp: tuple[Adp, ...] | None = None


class Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What the CVE programme itself says of the record."""

    cve_id: str | None = None
    assigner_org_id: str | None = None
    assigner_short_name: str | None = None
    state: str | None = None
    date_published: str | None = None
    date_updated: str | None = None
    date_rejected: str | None = None


class Record(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A CVE record."""

    data_version: str | None = None
    cve_metadata: Metadata | None = None
    containers: Containers | None = None


class Foreign(msgspec.Struct, frozen=True, gc=False):
    """Top-level keys of cve-search's records and of the CVE format 4, met in folders of CVE records too."""

    cvss: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    Modified: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    CVE_data_meta: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_BOM = b"\xef\xbb\xbf"
# Every escape is matched, so that the `\\` in `\\ud800` is passed over as what it is; group 1 is half a pair.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_DECODER = msgspec.json.Decoder(Record)
_FOREIGN = msgspec.json.Decoder(Foreign)
_LOOSE = msgspec.json.Decoder(float_hook=str)


def decode(raw: bytes) -> Record:
    """The record in these bytes.

    Accepted beside the schema: a byte order mark, null for any field, numbers where text belongs, and lone
    surrogate escapes (they become U+FFFD, for no UTF-8 can hold them). Raises BadRecord `not-json`,
    `too-deep`, `wrong-type`.
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_again(raw)


def is_foreign(raw: bytes) -> bool:
    """Whether bytes that `decode` accepts are a record about a CVE in another schema."""
    try:
        top = _FOREIGN.decode(_without_oddities(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return any(key is not msgspec.UNSET for key in (top.cvss, top.Modified, top.CVE_data_meta))


def _read_again(raw: bytes) -> Record:
    # The decoder refuses a lone surrogate wherever it reads one (msgspec 0.22), so refused bytes come here.
    try:
        raw = _without_oddities(raw)
        return _DECODER.decode(msgspec.json.encode(_as_text(_LOOSE.decode(raw))))
    except msgspec.ValidationError as error:
        raise BadRecord("wrong-type", str(error)) from error
    except RecursionError as error:
        raise BadRecord("too-deep", "nested more deeply than any CVE record is") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRecord("not-json", str(error)) from error


def _without_oddities(raw: bytes) -> bytes:
    return _ESCAPE.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], raw.removeprefix(_BOM))


def _as_text(value: object) -> object:
    # Every leaf that the types above name is text, so no number is lost by becoming text; floats come as the
    # text they were written in (`1.10` stays `1.10`).
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value if item is not None]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
