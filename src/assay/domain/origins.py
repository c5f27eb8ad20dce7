"""Where a package comes from, told by the address that a lock file gives it."""

import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

Kind = Literal["registry", "other-registry", "git", "url", "path"]


class Locator(NamedTuple):
    """`url` is the address without the commit; `commit` is set for git."""

    kind: Kind
    url: str | None = None
    commit: str | None = None

    def qualifiers(self) -> dict[str, str]:
        """What a package URL says of a package that is not a registry's (purl-spec, "Known qualifiers")."""
        if self.kind == "git" and self.url:
            return {"vcs_url": f"{self.url}@{self.commit}" if self.commit else self.url}
        return {"download_url": self.url} if self.kind == "url" and self.url else {}


_CREDENTIALS = re.compile(r"^((?:git\+)?https?://|[a-z][a-z0-9+.-]*://(?=[^/@\s]*:))[^/@\s]*@", re.IGNORECASE)
# The organisations that run npm's and Python's public registries and their file hosts, as their hosts call them.
_PUBLIC = frozenset(("npmjs", "yarnpkg", "pypi", "pythonhosted"))
# Of an address in which an archive is looked for, because the search's time grows with the square.
_LONGEST = 2_000
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?:[0-9a-f]{24})?(?![0-9a-f])", re.IGNORECASE)
_GIT = re.compile(
    r"git[+:@]|git\+|ssh://|(?:github|gitlab|bitbucket|gist):|[\w.-]+@[\w.-]+:|https?://[^#?]+\.git(?:[#?]|$)",
    re.IGNORECASE,
)
# An archive that a forge makes of a commit.
_ARCHIVE = re.compile(
    r"(?P<repository>https?://codeload\.github\.com/[^/]+/[^/]+)/(?:legacy\.)?(?:tar\.gz|zip)/(?P<commit>[^/?#]+)"
    r"|https?://[^/]+/.+?/(?:-/)?(?:archive|repository/archive\.\w+\?)[^#]*?(?P<other>[0-9a-f]{40})",
    re.IGNORECASE,
)
_SHORTHAND = re.compile(r"[\w.-]+/[\w.-]+(?:#.*)?")
_PATH = re.compile(r"(?:file|link|portal|workspace):|\.{0,2}[/\\]|~/|\.{1,2}$|[A-Za-z]:[/\\]", re.IGNORECASE)


def is_public_registry(url: str) -> bool:
    """Whether an address belongs to the public npm or Python registry; a mirror's does not."""
    try:
        labels = (urlsplit(url).hostname or "").lower().split(".")
    except ValueError:
        return False
    if len(labels) < 2 or labels[-1] not in {"org", "com"}:
        return False
    return labels[-2] in _PUBLIC or (labels[0] == "pypi" and labels[-2] == "python")


def without_credentials(url: str) -> str:
    """The address without the user and password that some lock files carry; `git@` of SSH stays."""
    return _CREDENTIALS.sub(r"\1", url, count=1) if "@" in url else url


def of_index(url: str | None) -> tuple[Kind, dict[str, str]]:
    """The kind of a package from an index, and the qualifier of its package URL; no address is the public one."""
    if not url or is_public_registry(url):
        return "registry", {}
    return "other-registry", {"repository_url": without_credentials(url)}


def locate(address: str) -> Locator | None:
    """What an npm, yarn, pnpm or bun lock file's address leads to; None for what is no address (a version or tag).

    An archive that a forge makes of a commit counts as git, as package managers treat it.
    """
    address = without_credentials(address)
    if _PATH.match(address):
        return Locator("path", address)
    archive = _ARCHIVE.match(address) if len(address) < _LONGEST else None
    if archive:
        commit = archive["other"] or archive["commit"]
        return Locator("git", address, commit if _COMMIT.fullmatch(commit) else None)
    if _GIT.match(address):
        url, _, fragment = address.partition("#")
        return Locator("git", url, commit_in(fragment))
    if address[:8].lower().startswith(("http://", "https://")):
        url, _, _ = address.partition("#")
        return Locator(of_archive(url), url)
    if _SHORTHAND.fullmatch(address):
        url, _, fragment = address.partition("#")
        return Locator("git", f"github:{url}", commit_in(fragment))
    return None


def commit_in(fragment: str) -> str | None:
    """The full commit id in what follows a `#`: `<id>`, `commit=<id>`, `branch=x&commit=<id>`."""
    found = _COMMIT.search(fragment)
    return found[0].lower() if found else None


def read_commit(text: str) -> bytes | None:
    """A git object's name (SHA-1 or SHA-256) as bytes, None for a text that is none."""
    return bytes.fromhex(text) if _COMMIT.fullmatch(text) else None


def of_archive(url: str) -> Kind:
    """The kind of a package whose archive has this address: a registry's, or somebody's own."""
    if is_public_registry(url):
        return "registry"
    # `/-/` stands before the file name in every npm registry, `/download/` in GitHub's.
    return "other-registry" if "/-/" in url or "/download/@" in url else "url"
