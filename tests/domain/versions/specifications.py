"""The orders once more, as their specifications tell them: two versions walked side by side, without keys.

Every comparator takes two versions that the family can read and says -1, 0 or 1.
"""

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest

from packaging.version import InvalidVersion, Version

from assay.domain.versions import Family


def sign(left, right) -> int:
    return (left > right) - (left < right)


def first_difference(results) -> int:
    return next((result for result in results if result), 0)


# SemVer 2.0, section 11


def semver_parts(version: str, numbers: int):
    core, _, build = version.lstrip("vV=").partition("+")
    release = re.match(r"[0-9]+(\.[0-9]+)*", core)[0]
    rest = core[len(release) :].removeprefix(".")
    counted = [int(part) for part in release.split(".")]
    return counted + [0] * (numbers - len(counted)), rest.removeprefix("-") or None, build or None


def by_identifiers(left: str | None, right: str | None, missing: int) -> int:
    """`missing`: how nothing compares with something."""
    if left is None or right is None:
        return 0 if left is right else missing * (1 if left is None else -1)
    for a, b in zip_longest(left.split("."), right.split(".")):
        if a is None or b is None:
            return -1 if a is None else 1
        if a.isdigit() and b.isdigit():
            result = sign(int(a), int(b))
        elif a.isdigit() or b.isdigit():
            result = -1 if a.isdigit() else 1
        else:
            result = sign(a, b)
        if result:
            return result
    return 0


def by_numbers(left: Sequence[int], right: Sequence[int]) -> int:
    return first_difference(sign(a, b) for a, b in zip_longest(left, right, fillvalue=0))


def semver(left: str, right: str, numbers: int = 3) -> int:
    (a, a_pre, _), (b, b_pre, _) = semver_parts(left, numbers), semver_parts(right, numbers)
    return by_numbers(a, b) or by_identifiers(a_pre, b_pre, missing=1)


def pub(left: str, right: str) -> int:
    return semver(left, right) or by_identifiers(
        semver_parts(left, 3)[2], semver_parts(right, 3)[2], missing=-1
    )


def nuget(left: str, right: str) -> int:
    return semver(left.lower(), right.lower(), 4)


# PEP 440 by packaging; legacy versions by the words of setuptools


def pypi(left: str, right: str) -> int:
    (a_modern, a), (b_modern, b) = pypi_parts(left), pypi_parts(right)
    return sign(a_modern, b_modern) or sign(a, b)


def pypi_parts(version: str):
    try:
        return True, Version(version)
    except InvalidVersion:
        return False, legacy_words(version.lower())


def legacy_words(version: str) -> list[str]:
    """setuptools 0.6: final-less words first, `-` before a final word after it, zeros before a word away."""
    words: list[str] = []
    for word in [*re.findall(r"[0-9]+|[a-z]+|-|[^0-9a-z.-]+", version), "final"]:
        if word.isdigit():
            words.append(word.zfill(8))
            continue
        spelled = {"pre": "c", "preview": "c", "rc": "c", "dev": "@", "-": "final-"}.get(word, word)
        if spelled < "final":
            while words[-1:] == ["*final-"]:
                words.pop()
        while words and not words[-1].strip("0"):
            words.pop()
        words.append("*" + spelled)
    return words


# Maven POM reference, "Version Order Specification", and ComparableVersion's nested lists


def maven(left: str, right: str) -> int:
    return maven_items(maven_tree(left.lower()), maven_tree(right.lower()))


def maven_tree(version: str) -> list:
    marked = re.sub(r"(?<=[0-9])(?=[^0-9.-])|(?<=[^0-9.-])(?=[0-9])", "\0", version)
    root: list = []
    stack = [root]

    def nest() -> None:
        stack.append([])
        stack[-2].append(stack[-1])

    pieces = re.split(r"([.\0-])", marked)
    for piece, separator in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        if piece.isdigit() or (not piece and separator):
            stack[-1].append(int(piece or 0))
        elif piece:
            short = {"a": "alpha", "b": "beta", "m": "milestone"} if separator == "\0" else {}
            word = short.get(piece, piece)
            word = {"ga": "", "final": "", "release": "", "cr": "rc"}.get(word, word)
            # Behind a dot and before a hyphen an empty qualifier ends its list, so it is nothing there.
            if not (word == "" and separator == "-" and stack[-1]):
                if stack[-1]:
                    nest()
                stack[-1].append(word)
        if separator in {"-", "\0"}:
            nest()
    for level in reversed(stack):
        while level and (level[-1] in (0, "") or level[-1] == []):
            level.pop()
        if level and isinstance(level[-1], list):
            nested = level.pop()
            while level and level[-1] in (0, ""):
                level.pop()
            level.append(nested)
    return root


QUALIFIERS = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"]


def maven_qualifier(word: str):
    return (QUALIFIERS.index(word), "") if word in QUALIFIERS else (len(QUALIFIERS), word)


def maven_is_early(item) -> bool:
    """Whether a list comes before nothing."""
    while isinstance(item, list):
        item = item[0]
    return isinstance(item, str) and maven_qualifier(item) < maven_qualifier("")


def maven_rank(item) -> int:
    """Strings, lists before nothing, nothing, ...: the kinds in their order where both are of different kinds."""
    if item is None:
        return 2
    if isinstance(item, str):
        return 0 if maven_qualifier(item) < maven_qualifier("") else 3
    if isinstance(item, list):
        return 1 if maven_is_early(item) else 4
    return 5


def maven_items(left: list, right: list) -> int:
    for a, b in zip_longest(left, right):
        if maven_rank(a) != maven_rank(b):
            return sign(maven_rank(a), maven_rank(b))
        if isinstance(a, list):
            result = maven_items(a, b)
        elif isinstance(a, str):
            result = sign(maven_qualifier(a), maven_qualifier(b))
        else:
            result = sign(a, b)
        if result:
            return result
    return 0


# Gem::Version#<=>


def rubygems(left: str, right: str) -> int:
    for a, b in zip_longest(gem_segments(left), gem_segments(right), fillvalue=0):
        if isinstance(a, str) is not isinstance(b, str):
            return -1 if isinstance(a, str) else 1
        if a != b:
            return sign(a, b)
    return 0


def gem_segments(version: str) -> list[int | str]:
    segments = [
        int(part) if part.isdigit() else part
        for part in re.findall(r"[0-9]+|[a-zA-Z]+", version.lstrip("vV").replace("-", ".pre."))
    ]
    cut = next((index for index, part in enumerate(segments) if isinstance(part, str)), len(segments))
    halves = [segments[:cut], segments[cut:]]
    for half in halves:
        while half and half[-1] == 0:
            half.pop()
    return halves[0] + halves[1]


# PHP manual, version_compare


def packagist(left: str, right: str) -> int:
    a, b = php_tokens(left), php_tokens(right)
    for one, other in zip(a, b, strict=False):
        if one.isdigit() and other.isdigit():
            result = sign(int(one), int(other))
        else:
            result = sign(php_form(one), php_form(other))
        if result:
            return result
    if len(a) == len(b):
        return 0
    longer, result = (a, 1) if len(a) > len(b) else (b, -1)
    following = longer[min(len(a), len(b))]
    return result * (1 if following.isdigit() else sign(php_form(following), php_form("0")))


def php_tokens(version: str) -> list[str]:
    version = re.sub(r"^[vV](?=[0-9])", "", version)
    dotted = re.sub(r"[-_+]", ".", version)
    dotted = re.sub(r"([^0-9.])([0-9])", r"\1.\2", dotted)
    dotted = re.sub(r"([0-9])([^0-9.])", r"\1.\2", dotted)
    return [token for token in dotted.split(".") if token]


def php_form(token: str) -> int:
    if token.isdigit():
        return 4
    forms = {"dev": 0, "alpha": 1, "a": 1, "beta": 2, "b": 2, "RC": 3, "rc": 3, "pl": 5, "p": 5}
    return next((order for form, order in forms.items() if token.startswith(form)), -1)


# Debian Policy 5.6.12


def debian(left: str, right: str) -> int:
    return first_difference(
        sign(a, b) if index == 0 else debian_part(a, b)
        for index, (a, b) in enumerate(zip(debian_parts(left), debian_parts(right), strict=True))
    )


def debian_parts(version: str):
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, hyphen, revision = rest.rpartition("-")
    return int(epoch), upstream if hyphen else rest, revision if hyphen else ""


def debian_character(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def debian_part(left: str, right: str) -> int:
    while left or right:
        a, b = re.match("[^0-9]*", left)[0], re.match("[^0-9]*", right)[0]
        orders = zip_longest(map(debian_character, a), map(debian_character, b), fillvalue=0)
        result = first_difference(sign(one, other) for one, other in orders)
        left, right = left[len(a) :], right[len(b) :]
        a, b = re.match("[0-9]*", left)[0], re.match("[0-9]*", right)[0]
        result = result or sign(int(a or 0), int(b or 0))
        if result:
            return result
        left, right = left[len(a) :], right[len(b) :]
    return 0


# rpm-version(7)


def rpm(left: str, right: str) -> int:
    (a_epoch, a_version, a_release), (b_epoch, b_version, b_release) = rpm_parts(left), rpm_parts(right)
    result = sign(a_epoch, b_epoch) or rpm_part(a_version, b_version)
    if result or a_release is None or b_release is None:
        return result or sign(a_release is not None, b_release is not None)
    return rpm_part(a_release, b_release)


def rpm_parts(version: str):
    epoch = re.match("([0-9]*):", version)
    rest = version[epoch.end() :] if epoch else version
    name, hyphen, release = rest.rpartition("-")
    return int(epoch[1] or 0) if epoch else 0, name if hyphen else rest, release if hyphen else None


def rpm_part(left: str, right: str) -> int:
    while True:
        left, right = (re.sub("^[^0-9A-Za-z~^]+", "", text) for text in (left, right))
        if left[:1] == "~" or right[:1] == "~":
            if left[:1] != right[:1]:
                return -1 if left[:1] == "~" else 1
            left, right = left[1:], right[1:]
            continue
        if left[:1] == "^" or right[:1] == "^":
            if not left or not right:
                return 1 if left else -1
            if left[0] != right[0]:
                return -1 if left[0] == "^" else 1
            left, right = left[1:], right[1:]
            continue
        if not left or not right:
            return sign(bool(left), bool(right))
        kind = "[0-9]+" if left[0].isdigit() else "[A-Za-z]+"
        a, b = re.match(kind, left), re.match(kind, right)
        if b is None:
            return 1 if left[0].isdigit() else -1
        result = sign(int(a[0]), int(b[0])) if a[0].isdigit() else sign(a[0], b[0])
        if result:
            return result
        left, right = left[a.end() :], right[b.end() :]


# apk-package(5) and apk-tools 3, src/version.c: kinds of pieces, a piece of an earlier kind is the greater one

APK_SUFFIXES = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"]


def apk_pieces(version: str) -> list[tuple[int, str]]:
    found = [(0, re.match("[0-9]+", version)[0])]
    rest = version[len(found[0][1]) :]
    while rest:
        if piece := re.match(r"\.?([0-9]+)", rest):
            found.append((4 if found[-1][0] == 3 else 1, piece[1]))
        elif piece := re.match("([a-z])", rest):
            found.append((2, piece[1]))
        elif piece := re.match("_([a-z]+)", rest):
            found.append((3, piece[1]))
        elif piece := re.match("~([0-9a-f]+)", rest):
            found.append((5, piece[1]))
        else:
            piece = re.match("-r([0-9]+)", rest)
            found.append((6, piece[1]))
        rest = rest[piece.end() :]
    return [*found, (7, "")]


def alpine(left: str, right: str) -> int:
    for (a_kind, a), (b_kind, b) in zip(apk_pieces(left), apk_pieces(right), strict=False):
        if a_kind != b_kind:
            for kind, piece, result in ((a_kind, a, -1), (b_kind, b, 1)):
                if kind == 3 and APK_SUFFIXES.index(piece) < APK_SUFFIXES.index(""):
                    return result
            return sign(b_kind, a_kind)
        if a_kind == 3:
            result = sign(APK_SUFFIXES.index(a), APK_SUFFIXES.index(b))
        elif a_kind in {0, 4, 6} or (a_kind == 1 and a[0] != "0" and b[0] != "0"):
            result = sign(int(a), int(b))
        else:
            result = sign(a, b)
        if result:
            return result
    return 0


def cran(left: str, right: str) -> int:
    return sign(*([int(part) for part in re.split("[.-]", version)] for version in (left, right)))


def hackage(left: str, right: str) -> int:
    return sign(*([int(part) for part in version.split(".")] for version in (left, right)))


COMPARE: dict[Family, Callable[[str, str], int]] = {
    Family.SEMVER: semver,
    Family.PUB: pub,
    Family.PYPI: pypi,
    Family.MAVEN: maven,
    Family.RUBYGEMS: rubygems,
    Family.NUGET: nuget,
    Family.PACKAGIST: packagist,
    Family.DEBIAN: debian,
    Family.RPM: rpm,
    Family.ALPINE: alpine,
    Family.CRAN: cran,
    Family.HACKAGE: hackage,
}
