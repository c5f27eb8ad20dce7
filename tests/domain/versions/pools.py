"""Versions to compare: real ones of every ordering family, and their near neighbours."""

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from assay.domain.versions import Family, family_key, family_of

# Ecosystem and version, cut from OSV's records: of every shape (letters and separators) some.
REAL = Path(__file__).with_name("real.txt")

# Families that the records at hand hold nothing of; versions of well-known packages of these distributions.
_OTHERS = {
    Family.PUB: (
        "0.13.4+2 0.13.4 1.0.0-dev.3+build.1 1.0.0-dev.3 2.0.0-nullsafety.1 1.2.3+a 1.2.3+9 1.2.3-a+b.1"
    ),
    Family.DEBIAN: (
        "1.18.3~beta+20230202~1build1 2:8.2.3995-1ubuntu2 1:1.2.11.dfsg-2 5.10.218-1 "
        "0.9.8o-4squeeze14 7.88.1-10+deb12u5 1:9.2p1-2+deb12u2 2.36-9+deb12u4 1.1.1n-0+deb11u5 "
        "3.0.11-1~deb12u2 20230311 4:20.04.3-0ubuntu1 9.0.0~rc1-1 0 1.0~~a-1 1.0+nmu1 v0.15.0 4.14.1 "
        "5.0.0~alpha1 1.2.3-4.1+b2 00 0-0 1.0-0 1.0-a"
    ),
    Family.RPM: (
        "0:1.1.1k-9.el8_7 1:3.0.7-24.el9 2.34-83.el9_3.7 4.18.0-477.27.1.el8_8 1.0~rc1-1.fc38 "
        "1.0^20230101git1-2 0:7.61.1 2:8.2.2637-20.el9_1 5.14.21-150500.55.39.1 20231107-lp155.2.1 "
        "1.0^ 1.0~ 1.0^~ 1.0~^ 1.0.a 1.0a 1.0aa-1 3.0-1 10 1.el9 fc4 2.0.1-1 2.0_1-1 2.0.1a-1 "
        "2.0.1a-01"
    ),
    Family.ALPINE: (
        "1.2.3-r0 3.1.4-r5 1.36.1_p1-r2 9.3_p2-r1 2.12.7_git20231024-r0 1.1.1w-r1 0.1.0_alpha_pre2 "
        "1.010 1.09 1.0 10 2.38 1.3.5-r10 6.6.2p1 20230506-r0 0.9.8c-r1 1.0_rc1 1.0_rc 1.0_rc0 1.0_p1 "
        "1.0_p10-r0 1.0_cvs 1.0_svn2 1.0_hg1 1.0~ab12 1.0~ab12-r1 1.0a 1.0b-r1 1.0a_p1 1.0_alpha1_p2"
    ),
    Family.CRAN: "0.01 0.1-0 0.1.0.0 1.0-0 1.0.1 0.3.2.0 4.3-2 2024.12-1 0 1.0 01.0",
    Family.HACKAGE: "0.1.26.0 1.0 1.0.0 9.4.7 0.11.3.0 2.0.0.0 0 01.0 1.01",
}

# What a slip of the pen puts into a version.
_ALPHABETS = {
    Family.SEMVER: "0129.-+vabrcXZ",
    Family.PUB: "0129.-+abrcXZ",
    Family.PYPI: "0129.-_+!vabcrdepost",
    Family.MAVEN: "0129.-_abmcrspgaSNx",
    Family.RUBYGEMS: "0129.-abprexZ",
    Family.NUGET: "0129.-+abrcXZ",
    Family.PACKAGIST: "0129.-_+vabrcdepRCx",
    Family.DEBIAN: "0129.-+~:aZbx",
    Family.RPM: "0129.-+~^:aZbx_",
    Family.ALPINE: "0129.-_~abprcr",
    Family.CRAN: "0129.-",
    Family.HACKAGE: "0129.",
}
# A family's spellings that stand for another one, dropped in whole.
_WORDS = {
    Family.SEMVER: ("-0", "-rc.1", "+build", ".0"),
    Family.PUB: ("-dev", "+1", "+build.2", ".0"),
    Family.PYPI: (".dev1", "rc1", ".post1", "-1", "a0", "+local.1", "1!", ".0", "-final"),
    Family.MAVEN: ("-SNAPSHOT", ".Final", "-rc-1", "-alpha", ".RELEASE", "-sp", ".0", "-1", "-ga", "-xyz"),
    Family.RUBYGEMS: (".pre", ".rc1", "-java", ".0", ".a.0"),
    Family.NUGET: ("-beta", "-BETA.1", ".0", "+meta"),
    Family.PACKAGIST: ("-dev", "-beta2", "RC1", "-p1", "-patch", ".0", "-alpha", "pl1"),
    Family.DEBIAN: ("~rc1", "+b1", "-1", "1:", ".0", "-0"),
    Family.RPM: ("~rc1", "^git1", "-1", "1:", ".0", ".el9"),
    Family.ALPINE: ("_rc1", "_p1", "-r1", ".0", "_alpha", "~ab"),
    Family.CRAN: (".0", "-1"),
    Family.HACKAGE: (".0", ".1"),
}


@cache
def real_versions(family: Family) -> tuple[str, ...]:
    """Versions of the family that the world has seen, each once."""
    rows = (line.split("\t") for line in REAL.read_text(encoding="utf-8").splitlines())
    found = [version for ecosystem, version in rows if family_of(ecosystem) is family]
    return tuple(dict.fromkeys(found + _OTHERS.get(family, "").split()))


def neighbour(family: Family, version: str, choose: Callable[[int], int]) -> str:
    """The version with one character or word put in, taken out or exchanged; `choose(n)` is a number below n."""
    alphabet = (*_ALPHABETS[family], *_WORDS[family])
    place = choose(len(version) + 1)
    kind = choose(3)
    piece = alphabet[choose(len(alphabet))]
    rest = version[place:] if kind == 0 else version[place + 1 :]
    return version[:place] + ("" if kind == 1 else piece) + rest or version


def some_version(family: Family, choose: Callable[[int], int]) -> str:
    """A real version, or a neighbour of one up to three steps away."""
    pool = real_versions(family)
    version = pool[choose(len(pool))]
    for _ in range(choose(4)):
        version = neighbour(family, version, choose)
    return version


def pairs(family: Family, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Pairs to compare, the same for the same seed: two thirds near neighbours, the others anywhere."""
    source = random.Random(seed)
    for index in range(count):
        left = some_version(family, source.randrange)
        if index % 3:
            yield left, neighbour(family, left, source.randrange)
        else:
            yield left, some_version(family, source.randrange)


@st.composite
def versions(draw: st.DrawFn, family: Family) -> str:
    """Real versions and neighbours, shrinking towards the first real one."""

    def choose(bound: int) -> int:
        return draw(st.integers(0, bound - 1))

    return some_version(family, choose)


@st.composite
def version_pairs(draw: st.DrawFn, family: Family) -> tuple[str, str]:
    """Two versions, often one step apart."""

    def choose(bound: int) -> int:
        return draw(st.integers(0, bound - 1))

    left = some_version(family, choose)
    return left, neighbour(family, left, choose) if choose(2) else some_version(family, choose)


def compared(family: Family, left: str, right: str) -> int | None:
    """-1, 0 or 1 by the keys, None where one of the versions is unknown."""
    a, b = family_key(family, left), family_key(family, right)
    return None if a is None or b is None else (a > b) - (a < b)
