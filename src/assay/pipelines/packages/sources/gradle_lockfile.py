"""gradle.lockfile (Gradle's manual, "Locking Versions"): every module with the configurations that resolve to it.

Gradle before 7 wrote one file per configuration (`gradle/dependency-locks/<configuration>.lockfile`), without names.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from assay.domain.entries import each
from assay.domain.plain import text
from assay.domain.purl import purl_of
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Package, Scope, inventory_of

_ECOSYSTEM = "Maven"
_HEADER = b"# This is a Gradle generated file for dependency locking."
# Configurations whose modules build or test the program and are not part of it: source sets with `test` as a word of
# the name, annotation processors, and the tools of Gradle's own plugins.
_BUILD_ONLY = re.compile(
    r"(?:test|.*[a-z0-9]Tests?)(?:[A-Z0-9].*)?"
    r"|(?:.*A|a)nnotationProcessor(?:[A-Z].*)?|kapt.*|ksp.*|errorprone.*"
    r"|checkstyle|codenarc|pmd.*|spotbugs.*|findbugs.*|jacoco(?:Agent|Ant)|ktlint.*|detekt.*|lintChecks"
)
_BUILDSCRIPT = "buildscript-gradle.lockfile"


def read(path: str, content: bytes) -> Inventory:
    """Every locked module; the file tells neither which are direct nor where they come from.

    Development is what only tests, annotation processors and checking tools resolve to, and every module of a build
    script (its plugins). A configuration of another name counts as part of the program.
    """
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    only = Scope.DEV if name == _BUILDSCRIPT else None
    # A file of the old layout is named after its configuration, and its lines have none.
    stem = PurePosixPath(path.replace("\\", "/")).name.removesuffix(".lockfile")

    def module(place: str, line: str) -> Package | None:
        coordinates, is_set, configurations = line.partition("=")
        if coordinates == "empty" and is_set:
            return None
        parts = coordinates.split(":")
        if len(parts) != 3 or not all(part.strip() for part in parts):
            raise BadRecord("not-a-module", f"not `group:artifact:version=configurations`: {line[:200]!r}")
        group, artifact, version = (part.strip() for part in parts)
        used_by = configurations.split(",") if is_set else [stem]
        return Package(
            key=f"{group}:{artifact}:{version}",
            ecosystem=_ECOSYSTEM,
            name=f"{group}:{artifact}",
            version=version,
            purl=purl_of(_ECOSYSTEM, f"{group}:{artifact}", version),
            place=place,
            scope=only or _scope(used_by),
        )

    found, refused = each(_lines(content), module)
    if refused and not found:
        raise BadRecord("not-gradle-lockfile", f"{path} has no line of a lock file: {refused[0][2]}")
    packages: dict[str, Package] = {}
    for package in found:
        packages.setdefault(package.key, package)
    return inventory_of(FORMAT.name, tuple(packages.values()), refused)


def _lines(content: bytes) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text(content).split("\n"), 1):
        code = line.strip()
        if code and not code.startswith("#"):
            yield f"line {number}", code


def _scope(configurations: list[str]) -> Scope:
    return Scope.DEV if all(_is_build_only(name.strip()) for name in configurations) else Scope.RUNTIME


@lru_cache(maxsize=1024)  # a few names stand in every line
def _is_build_only(configuration: str) -> bool:
    return _BUILD_ONLY.fullmatch(configuration) is not None


FORMAT = Format(
    name="gradle.lockfile",
    title="gradle.lockfile",
    ecosystem=_ECOSYSTEM,
    names=("gradle.lockfile", _BUILDSCRIPT, "*.gradle.lockfile"),
    read=read,
    recognises=lambda head: _HEADER in head,
)
