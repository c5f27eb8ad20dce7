"""gradle.lockfile: scopes by configuration, and the layout of old."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Scope
from assay.pipelines.packages.sources.gradle_lockfile import FORMAT

HEADER = "# This is a Gradle generated file for dependency locking.\n"


@pytest.mark.parametrize(
    ("configurations", "scope"),
    [
        ("runtimeClasspath,testRuntimeClasspath", Scope.RUNTIME),
        ("testCompileClasspath,testRuntimeClasspath", Scope.DEV),
        ("debugUnitTestRuntimeClasspath,debugAndroidTestCompileClasspath", Scope.DEV),
        ("integrationTestRuntimeClasspath", Scope.DEV),
        ("latestRuntimeClasspath", Scope.RUNTIME),
        ("annotationProcessor,testAnnotationProcessor,nonprodAnnotationProcessor", Scope.DEV),
        ("checkstyle,jacocoAnt", Scope.DEV),
        ("soy", Scope.RUNTIME),
        ("", Scope.RUNTIME),
    ],
)
def test_scopes(configurations: str, scope: Scope):
    content = f"{HEADER}org.example:part:1.0={configurations}\nempty=devtool\n"
    (package,) = FORMAT.read("gradle.lockfile", content.encode()).packages
    assert package.scope is scope
    assert (package.name, package.version, package.place) == ("org.example:part", "1.0", "line 2")
    assert package.purl == "pkg:maven/org.example/part@1.0"


def test_what_a_build_script_needs_is_development():
    content = f"{HEADER}org.example:plugin:1.0=classpath\n".encode()
    (package,) = FORMAT.read("app/buildscript-gradle.lockfile", content).packages
    assert package.scope is Scope.DEV


def test_the_old_layout_has_a_file_per_configuration():
    content = f"{HEADER}org.example:part:1.0\n".encode()
    for name, scope in (("runtimeClasspath", Scope.RUNTIME), ("testRuntimeClasspath", Scope.DEV)):
        (package,) = FORMAT.read(f"gradle/dependency-locks/{name}.lockfile", content).packages
        assert package.scope is scope
    assert FORMAT.recognises is not None
    assert FORMAT.recognises(content)


def test_wrong_lines_and_other_files():
    found = FORMAT.read("gradle.lockfile", b"a:b:1=x\na:b=x\na::1=x\n")
    assert [package.key for package in found.packages] == ["a:b:1"]
    assert [fault.place for fault in found.faults] == ["line 2", "line 3"]
    assert FORMAT.read("gradle.lockfile", b"empty=\n").packages == ()
    with pytest.raises(BadRecord) as bad:
        FORMAT.read("gradle.lockfile", b"hello\n")
    assert bad.value.reason == "not-gradle-lockfile"
