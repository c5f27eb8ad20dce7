"""The keys against the tools that define the orders, thousands of pairs in one process of each.

Where a tool is missing its test says so and is skipped; CI installs all of them. Nothing may disagree but what
DISAGREEMENTS lists, each with its reason.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import packaging.version
import pytest

from assay.domain.versions import Family
from domain.versions.pools import compared, pairs

Pair = tuple[str, str]
Verdicts = list[int | None]
"""-1, 0 or 1 for each pair; None where the tool itself finds a version invalid."""

SEED = 20240607
DPKG = r"""
tab=$(printf '\t')
while IFS="$tab" read -r left right; do
    if said=$(dpkg --compare-versions "$left" lt "$right" 2>&1); then order=-1
    elif dpkg --compare-versions "$left" eq "$right" 2>/dev/null; then order=0
    else order=1; fi
    if [ -n "$said" ]; then order='?'; fi
    echo "$order"
done
"""
PERL = r"""
use Dpkg::Version;
while (my $line = <STDIN>) {
    chomp $line;
    my ($left, $right) = split /\t/, $line, -1;
    my ($a, $b) = map { Dpkg::Version->new($_, check => 1) } $left, $right;
    print defined $a && defined $b ? $a <=> $b : "?", "\n";
}
"""
RPM = r"""
for line in io.lines() do
    local left, right = line:match("^([^\t]*)\t(.*)$")
    local is_read, order = pcall(rpm.vercmp, left, right)
    io.stdout:write(is_read and tostring(order) or "?", "\n")
end
"""
RUBY = r"""
$stdin.each_line(chomp: true) do |line|
  left, right = line.split("\t", -1)
  begin
    puts Gem::Version.new(left) <=> Gem::Version.new(right)
  rescue ArgumentError
    puts "?"
  end
end
"""
PHP = r"""
while (($line = fgets(STDIN)) !== false) {
    [$left, $right] = explode("\t", rtrim($line, "\n"));
    echo version_compare($left, $right), "\n";
}
"""
NODE = r"""
const [lines, ...paths] = [require("fs").readFileSync(0, "utf8").split("\n"), ...process.argv.slice(1)];
const semver = require(require.resolve("semver", { paths }));
for (const line of lines.slice(0, -1)) {
  const [left, right] = line.split("\t");
  try { console.log(semver.compareLoose(left, right)); } catch { console.log("?"); }
}
"""
MAVEN_JARS = ("/usr/share/java/maven3-artifact.jar", "/usr/share/maven/lib/maven-artifact-3.x.jar")

# Where the keys mean to differ: what one of the two versions looks like, and why.
DISAGREEMENTS: dict[str, dict[str, str]] = {
    "Dpkg::Version": {
        r":$": "nothing behind the epoch: dpkg itself calls it an error",
    },
    "rpm": {
        r"^([0-9]*:)?[^0-9A-Za-z~^]*(-[^-]*)?$": "no version at all, at most a release: unknown",
    },
    "version_compare": {
        r"^[._+-]|[._+-]$": "a separator at an end: PHP finds 1. < 1.dev as well as 1.dev < 1.; unknown",
    },
    "semver": {
        r"^[v=\s]*[0-9]+\.[0-9]+\.[0-9]+\.": "a fourth number: the loose expression reads 1.0.16.0 as 1.0.1-6.0",
        r"^[^+-]*-([.+]|$)": "an empty pre-release identifier: the loose expression takes its hyphen for it; unknown",
    },
    "ComparableVersion": {
        r"\.[^0-9.-]+[.-]": "a dot, a qualifier and a separator: 3.8.7 has a cycle there (1.0.beta-2)",
        r"(^|[^0-9.])[.0]*((?<=[.0-])-|(?<=[.0])[^0-9.-])|^-"
        r"|(?i:(^|[.0-9-])(ga|final|release)[.0]*[-0-9])": "a list in a list has a cycle with sp (1--beta)",
    },
}


def program(name: str, package: str) -> str:
    """The tool's path, or the end of the test with the name of Debian's package that has it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(
            f"{name} is not installed (Debian: apt-get install {package}); its order goes unchecked here"
        )
    return found


def asked(argv: Sequence[str], questions: Iterable[Pair]) -> Verdicts:
    """What one process of a tool answers to the pairs on its standard input."""
    lines = "".join(f"{left}\t{right}\n" for left, right in questions)
    answer = subprocess.run(
        argv, input=lines, capture_output=True, text=True, check=True, timeout=120, env=_plain_environment()
    )
    return [None if line == "?" else int(line) for line in answer.stdout.split()]


def _plain_environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def check(tool: str, family: Family, questions: Sequence[Pair], verdicts: Verdicts) -> None:
    """Every pair that the tool can order is ordered the same by the keys, or listed."""
    assert len(verdicts) == len(questions)
    judged = [
        (pair, verdict) for pair, verdict in zip(questions, verdicts, strict=True) if verdict is not None
    ]
    assert len(judged) > len(questions) / 4, f"{tool} calls nearly every pair invalid; is it asked rightly?"
    assert {verdict for _, verdict in judged} == {-1, 0, 1}
    listed = [re.compile(pattern) for pattern in DISAGREEMENTS.get(tool, {})]
    wrong = [
        f"{left} {right}: {tool} says {verdict}, the keys say {found}"
        for (left, right), verdict in judged
        if (found := compared(family, left, right)) != verdict
        and not any(pattern.search(left) or pattern.search(right) for pattern in listed)
    ]
    assert not wrong, f"{len(wrong)} of {len(judged)} pairs: " + "; ".join(wrong[:20])


def test_dpkg() -> None:
    program("dpkg", "dpkg")
    questions = list(pairs(Family.DEBIAN, 400, SEED))
    check("dpkg", Family.DEBIAN, questions, asked(["sh", "-c", DPKG], questions))


def test_dpkg_version_in_perl() -> None:
    perl = program("perl", "libdpkg-perl")
    if subprocess.run([perl, "-MDpkg::Version", "-e", "1"], capture_output=True, check=False).returncode:
        pytest.skip("Perl's Dpkg::Version is not installed (Debian: apt-get install libdpkg-perl)")
    questions = list(pairs(Family.DEBIAN, 10_000, SEED + 1))
    check("Dpkg::Version", Family.DEBIAN, questions, asked([perl, "-e", PERL], questions))


def test_rpm(tmp_path: Path) -> None:
    rpm = program("rpm", "rpm")
    script = tmp_path / "compare.lua"
    script.write_text(RPM)
    questions = list(pairs(Family.RPM, 10_000, SEED))
    check("rpm", Family.RPM, questions, asked([rpm, "--eval", f'%{{lua: dofile("{script}")}}'], questions))


def test_ruby() -> None:
    ruby = program("ruby", "ruby")
    questions = list(pairs(Family.RUBYGEMS, 10_000, SEED))
    check("Gem::Version", Family.RUBYGEMS, questions, asked([ruby, "-e", RUBY], questions))


def test_php() -> None:
    php = program("php", "php-cli")
    questions = list(pairs(Family.PACKAGIST, 10_000, SEED))
    # Composer takes the v off a tag before PHP sees it, and so do the keys.
    bare = [(_without_v(left), _without_v(right)) for left, right in questions]
    check("version_compare", Family.PACKAGIST, questions, asked([php, "-r", PHP], bare))


def _without_v(version: str) -> str:
    return version[1:] if re.match(r"[vV][0-9]", version) else version


def test_npm() -> None:
    node, npm = program("node", "nodejs"), program("npm", "npm")
    beside = Path(npm).resolve().parents[1] / "node_modules"
    questions = list(pairs(Family.SEMVER, 10_000, SEED))
    argv = [node, "-e", NODE, str(beside), "/usr/share/nodejs"]
    check("semver", Family.SEMVER, questions, asked(argv, questions))


def test_maven() -> None:
    java = program("java", "default-jre-headless")
    jar = next((jar for jar in MAVEN_JARS if Path(jar).exists()), None)
    if jar is None:
        pytest.skip("maven-artifact is not installed (Debian: apt-get install libmaven3-core-java)")
    questions = list(pairs(Family.MAVEN, 10_000, SEED))
    # Its `main` compares each argument with the next one: every second comparison is one of ours.
    chain = [version for pair in questions for version in pair]
    argv = [java, "-cp", jar, "org.apache.maven.artifact.versioning.ComparableVersion", *chain]
    answer = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    lines = answer.stdout.splitlines()[2::2]
    orders = {"<": -1, "==": 0, ">": 1}
    verdicts: Verdicts = []
    for (left, right), line in zip(pairwise(chain), lines, strict=True):
        assert line.startswith(f"   {left} ")
        assert line.endswith(f" {right}")
        verdicts.append(orders[line[len(left) + 4 : len(line) - len(right) - 1]])
    check("ComparableVersion", Family.MAVEN, questions, verdicts[::2])


def test_packaging() -> None:
    questions = list(pairs(Family.PYPI, 10_000, SEED))
    check("packaging", Family.PYPI, questions, [_packaging(left, right) for left, right in questions])


def _packaging(left: str, right: str) -> int | None:
    """None for two legacy versions; one comes before every version of PEP 440."""
    a, b = _pep440(left), _pep440(right)
    if a is None or b is None:
        return None if a is b else (b is None) - (a is None)
    return (a > b) - (a < b)


def _pep440(version: str) -> packaging.version.Version | None:
    try:
        return packaging.version.Version(version)
    except packaging.version.InvalidVersion:
        return None
