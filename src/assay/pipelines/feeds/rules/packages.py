"""Packages that a text names in an ecosystem: package URLs and addresses of registries."""

import re
from urllib.parse import unquote

from assay.domain.origins import is_public_registry
from assay.domain.packages import normalise_name
from assay.domain.purl import read_purl
from assay.pipelines.feeds.model.extraction import Package, Prose, Quote

_PURL = re.compile(r"(?<![\w])pkg:[a-z][a-z0-9.+-]+/[\w@%./~:+-]+", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s<>\"'`)\]]+", re.IGNORECASE)
# Registries whose pages name a package in their path; npm's and Python's are told by `is_public_registry`.
_REGISTRIES = (
    ("Packagist", re.compile(r"https?://packagist\.org/packages/([\w.-]+/[\w.-]+)", re.IGNORECASE)),
    ("RubyGems", re.compile(r"https?://(?:www\.)?rubygems\.org/gems/([\w.-]+)", re.IGNORECASE)),
    ("crates.io", re.compile(r"https?://crates\.io/crates/([\w-]+)", re.IGNORECASE)),
    ("NuGet", re.compile(r"https?://(?:www\.)?nuget\.org/packages/([\w.-]+)", re.IGNORECASE)),
    ("Go", re.compile(r"https?://pkg\.go\.dev/(?!vuln/)([\w.-]+\.[a-z]+/[\w./-]+)", re.IGNORECASE)),
    ("Hex", re.compile(r"https?://hex\.pm/packages/([\w]+)", re.IGNORECASE)),
    ("Pub", re.compile(r"https?://pub\.dev/packages/([\w]+)", re.IGNORECASE)),
    ("Maven", re.compile(r"https?://(?:mvnrepository|central\.sonatype)\.com/artifact/([\w.-]+/[\w.-]+)")),
)  # fmt: skip
_IN_PATH = re.compile(
    r"https?://[^/]+/(?:package|project)/((?:@|%40)?[\w.-]+(?:(?:/|%2f)[\w.-]+)?)", re.IGNORECASE
)
_MOST = 50


def packages(prose: Prose) -> tuple[Package, ...]:
    """Every package that the text or a link names beyond doubt, each once, in the order of the text."""
    found: dict[tuple[str, str], Package] = {}
    text = prose.text
    for match in _PURL.finditer(text) if "pkg:" in text else ():
        read = read_purl(match[0].rstrip(".,;:"))
        if read is not None:
            _add(found, read[0], read[1], 0.97, (Quote(*match.span()),))
    for match in _ADDRESS.finditer(text):
        for ecosystem, name in _in_address(match[0]):
            _add(found, ecosystem, name, 0.7, (Quote(*match.span()),))
    for link in prose.links:
        for ecosystem, name in _in_address(link):
            _add(found, ecosystem, name, 0.7, ())
    return tuple(found.values())[:_MOST]


def _add(
    found: dict[tuple[str, str], Package],
    ecosystem: str,
    name: str,
    confidence: float,
    quotes: tuple[Quote, ...],
) -> None:
    key = (ecosystem, normalise_name(ecosystem, name))
    same = found.get(key)
    if same is None or (not same.quotes and quotes):
        found[key] = Package(ecosystem=ecosystem, name=key[1], confidence=confidence, quotes=quotes)


def _in_address(address: str) -> list[tuple[str, str]]:
    if is_public_registry(address):
        match = _IN_PATH.match(address)
        if match is None:
            return []
        is_python = "/project/" in address.lower()
        return [("PyPI" if is_python else "npm", unquote(match[1]).rstrip("."))]
    named = []
    for ecosystem, pattern in _REGISTRIES:
        match = pattern.match(address)
        if match is not None:
            name = match[1].rstrip("./")
            named.append((ecosystem, name.replace("/", ":", 1) if ecosystem == "Maven" else name))
    return named
