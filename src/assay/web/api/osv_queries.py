"""What OSV's API lets a client ask: the shape of queries, the rules they keep, and the tokens of pages.

Rules and messages are those of osv.dev (go/internal/api/query_affected.go), which clients were written against.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from packageurl import PackageURL

from assay.domain.packages import normalise_name, repository_name
from assay.domain.purl import read_purl
from assay.domain.versions import family_of
from assay.web.problems import Refused

MOST_QUERIES = 1000

# OSV schema 1.7, "Defined ecosystems": those whose versions have no order of their own; the others have a family.
_UNORDERED = frozenset(
    ("Android", "ConanCenter", "Docker Hardened Images", "FreeBSD", "GIT", "Kubernetes", "Linux", "OSS-Fuzz",
     "Photon OS", "Root", "TuxCare")
)  # fmt: skip
_START = "RklSU1RfUEFHRV9UT0tFTg=="
"""What osv.dev gives for a page before the first."""
_TOKEN = b"after:"
_HEX = frozenset("0123456789abcdefABCDEF")


class QueriedPackage(msgspec.Struct, frozen=True, gc=False):
    """`package` of a query; null is as good as nothing."""

    name: str | None = None
    ecosystem: str | None = None
    purl: str | None = None


class Query(msgspec.Struct, frozen=True, gc=False):
    """A query as it is sent. Protobuf's JSON reads a field by either of its names."""

    commit: str | None = None
    version: str | None = None
    package: QueriedPackage | None = None
    page_token: str | None = None
    camel_token: str | None = msgspec.field(default=None, name="pageToken")


class Batch(msgspec.Struct, frozen=True):
    """Several queries."""

    queries: Sequence[Query | None] | None = None


class Asked(NamedTuple):
    """A query that can be answered: a commit, or a package with its release, or without an ecosystem.

    `after` is the key of the last vulnerability of the page before.
    """

    commit: str | None = None
    ecosystem: str = ""
    name: str = ""
    version: str | None = None
    after: int = -1


def read_query(query: Query | None) -> Asked | None:
    """What a query asks for; None for a purl of a type that no ecosystem has, which finds nothing.

    Raises Refused with osv.dev's message.
    """
    if query is None:
        raise Refused(400, "no query provided")
    after = _read_token(query.page_token or query.camel_token or "")
    if query.commit is not None:
        if not query.commit or len(query.commit) % 2 or not _HEX.issuperset(query.commit):
            raise Refused(400, "invalid hash")
        return Asked(commit=query.commit.lower(), after=after)
    if query.package is None:
        raise Refused(400, "invalid query")
    if query.package.purl:
        return _read_purl_query(query.package, query.version or None, after)
    ecosystem, name = query.package.ecosystem or "", query.package.name or ""
    if ecosystem and not is_known(ecosystem):
        raise Refused(400, "invalid ecosystem")
    if not name or (not ecosystem and not query.version):
        raise Refused(400, "invalid query")
    if ecosystem == "GIT":
        name = repository_name(name if "://" in name else f"https://{name}")
    return Asked(None, ecosystem, name, query.version or None, after)


def _read_purl_query(package: QueriedPackage, version: str | None, after: int) -> Asked | None:
    if package.name:
        raise Refused(400, "name specified in a PURL query")
    if package.ecosystem:
        raise Refused(400, "ecosystem specified in a PURL query")
    purl = package.purl or ""
    try:
        PackageURL.from_string(purl)
    except ValueError as error:
        raise Refused(400, f"invalid PURL: {error}") from error
    found = read_purl(purl)
    if found is None:
        return None
    ecosystem, name, written = found
    if written and version:
        raise Refused(400, "version specified in params and PURL query")
    return Asked(None, ecosystem, name, written or version, after)


def read_batch(batch: Batch) -> list[Asked | None]:
    """What each query of a batch asks for. One that is wrong makes all of it wrong, as on osv.dev."""
    queries = batch.queries or ()
    if len(queries) > MOST_QUERIES:
        raise Refused(400, "too many queries")
    asked: list[Asked | None] = []
    for index, query in enumerate(queries):
        try:
            asked.append(read_query(query))
        except Refused as error:
            # osv.dev wraps the error of its inner call, and this is how Go's gRPC spells one.
            said = f"rpc error: code = InvalidArgument desc = {error.message}"
            raise Refused(400, f"error in query at index {index}: {said}") from error
    return asked


def is_known(ecosystem: str) -> bool:
    """Whether the OSV schema defines the ecosystem, with or without a release behind a colon."""
    base = ecosystem.partition(":")[0]
    return base in _UNORDERED or family_of(base) is not None


def spellings(name: str) -> set[str]:
    """The names that ecosystems may keep a package under, for a query that names no ecosystem."""
    return {name, *(normalise_name(ecosystem, name) for ecosystem in ("PyPI", "NuGet", "Packagist"))}


def token_after(key: int) -> str:
    """The token of the page that follows a vulnerability."""
    return urlsafe_b64encode(_TOKEN + str(key).encode()).decode()


def _read_token(token: str) -> int:
    if token in {"", _START}:
        return -1
    try:
        raw = urlsafe_b64decode(token)
    except (NotBase64, ValueError):
        raw = b""
    digits = raw.removeprefix(_TOKEN)
    if not raw.startswith(_TOKEN) or not digits.isdigit() or len(digits) > 19:
        raise Refused(400, "invalid cursor")
    return int(digits)
