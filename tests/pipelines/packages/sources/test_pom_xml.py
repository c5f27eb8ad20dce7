"""pom.xml read alone: properties, management, profiles, and what only others know."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package, Scope
from assay.pipelines.packages.sources.pom_xml import FORMAT

PARENT = "<parent><groupId>org.example</groupId><artifactId>above</artifactId><version>7</version></parent>"


def read(body: str) -> Inventory:
    content = f'<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>{body}</project>'
    return FORMAT.read("pom.xml", content.encode())


def dependency(name: str, version: str | None = None, more: str = "", group: str = "g") -> str:
    written = "" if version is None else f"<version>{version}</version>"
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>{written}{more}</dependency>"
    )


def dependencies(*each: str) -> str:
    return f"<dependencies>{''.join(each)}</dependencies>"


def managed(*each: str) -> str:
    return f"<dependencyManagement>{dependencies(*each)}</dependencyManagement>"


def by_key(inventory: Inventory) -> dict[str, Package]:
    return {package.key: package for package in inventory.packages}


def test_properties_are_followed():
    found = read(
        "<groupId>org.example</groupId><artifactId>app</artifactId><version>3.1</version>"
        "<properties><a.version> 1.${minor} </a.version><minor>2</minor><name>part</name></properties>"
        + dependencies(
            dependency("a", "${a.version}"),
            dependency("${name}", "${project.version}", group="${project.groupId}"),
            dependency("b", "${version}"),
            dependency("c", "v${minor}-${minor}"),
        )
    )
    assert {key: package.version for key, package in by_key(found).items()} == {
        "g:a": "1.2",
        "org.example:part": "3.1",
        "g:b": "3.1",
        "g:c": "v2-2",
    }
    assert found.faults == ()
    assert found.packages[0].place == "dependencies/dependency[1]"
    assert found.packages[0].purl == "pkg:maven/g/a@1.2"


def test_the_management_gives_versions_and_scopes():
    found = by_key(
        read(
            managed(
                dependency("a", "1.0", "<scope>test</scope>"),
                dependency("b", "2.0"),
                dependency("a", "9.0", "<type>test-jar</type>"),
                dependency("unused", "4.0"),
            )
            + dependencies(dependency("a"), dependency("b", "2.5"))
        )
    )
    assert (found["g:a"].version, found["g:a"].scope, found["g:a"].is_direct) == ("1.0", Scope.DEV, True)
    assert found["g:b"].version == "2.5"
    # What is managed and not used here may be used by a module, or below another dependency.
    assert (found["g:unused"].scope, found["g:unused"].is_direct) == (Scope.OPTIONAL, None)
    assert found["g:a:test-jar"].purl == "pkg:maven/g/a@9.0?type=test-jar"


@pytest.mark.parametrize(
    ("more", "scope", "origin"),
    [
        ("", Scope.RUNTIME, Origin.REGISTRY),
        ("<scope>runtime</scope>", Scope.RUNTIME, Origin.REGISTRY),
        ("<scope>test</scope><optional>true</optional>", Scope.DEV, Origin.REGISTRY),
        ("<scope>provided</scope>", Scope.PEER, Origin.REGISTRY),
        ("<optional>true</optional>", Scope.OPTIONAL, Origin.REGISTRY),
        ("<scope>system</scope><systemPath>/opt/a.jar</systemPath>", Scope.RUNTIME, Origin.PATH),
    ],
)
def test_scopes(more: str, scope: Scope, origin: Origin):
    (package,) = read(dependencies(dependency("a", "1", more))).packages
    assert (package.scope, package.origin) == (scope, origin)


def test_a_classifier_is_another_artifact():
    found = by_key(
        read(dependencies(dependency("a", "1"), dependency("a", "1", "<classifier>linux</classifier>")))
    )
    assert found["g:a:jar:linux"].purl == "pkg:maven/g/a@1?classifier=linux"
    assert len(found) == 2


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (PARENT + dependencies(dependency("a")), []),
        (PARENT + dependencies(dependency("a", "${above.version}")), []),
        (
            managed(dependency("bom", "1", "<type>pom</type><scope>import</scope>"))
            + dependencies(dependency("a")),
            [],
        ),
        (dependencies(dependency("a", "${env.A_VERSION}")), []),
        (dependencies(dependency("a", "${revision}")), []),
        (dependencies(dependency("a", "[1.0,2.0)")), []),
        (dependencies(dependency("a", "LATEST")), []),
        (dependencies(dependency("a")), ["no-version"]),
        (dependencies(dependency("a", "${nowhere}")), ["unknown-version"]),
        (
            "<properties><x>${y}</x><y>${x}</y></properties>" + dependencies(dependency("a", "${x}")),
            ["unknown-version"],
        ),
    ],
)
def test_versions_that_cannot_be_known(body: str, reasons: list[str]):
    found = read(body)
    assert by_key(found)["g:a"].version is None
    assert [fault.reason for fault in found.faults] == reasons


def test_exact_ranges_and_the_parents_coordinates():
    found = by_key(
        read(PARENT + dependencies(dependency("a", "[1.5]"), dependency("b", "${project.parent.version}")))
    )
    assert (found["g:a"].version, found["g:b"].version) == ("1.5", "7")


def test_profiles():
    found = by_key(
        read(
            "<properties><v>1</v></properties>"
            + dependencies(dependency("a", "${v}"))
            + "<profiles><profile><id>usual</id><activation><activeByDefault>true</activeByDefault></activation>"
            "<properties><v>2</v></properties></profile>"
            "<profile><id>rare</id><properties><v>3</v></properties>"
            + dependencies(dependency("a", "${v}"), dependency("b", "${v}"))
            + "</profile></profiles>"
        )
    )
    assert (found["g:a"].version, found["g:a"].scope) == ("2", Scope.RUNTIME)
    assert (found["g:a@3"].version, found["g:a@3"].scope) == ("3", Scope.OPTIONAL)
    assert found["g:b"].place == "profiles/profile[2]/dependencies/dependency[2]"


def test_of_two_declarations_the_last_one_counts():
    (package,) = read(dependencies(dependency("a", "1"), dependency("a", "2"))).packages
    assert package.version == "2"


def test_names_that_cannot_be_known_are_faults():
    found = read(
        dependencies(
            dependency("${nowhere}", "1"),
            "<dependency><groupId>g</groupId></dependency>",
            dependency("a", "1"),
        )
    )
    assert list(by_key(found)) == ["g:a"]
    assert [fault.reason for fault in found.faults] == ["unknown-name", "no-name"]


def test_a_property_bomb_is_a_fault():
    bomb = "".join(f"<p{n}>${{p{n + 1}}}${{p{n + 1}}}</p{n}>" for n in range(30)) + "<p30>ha</p30>"
    chain = "".join(f"<c{n}>${{c{n + 1}}}</c{n}>" for n in range(5_000)) + "<c5000>1</c5000>"
    found = read(
        f"<properties>{bomb}{chain}</properties>"
        + dependencies(dependency("a", "${p0}"), dependency("b", "${c0}"))
    )
    assert [fault.reason for fault in found.faults] == ["unknown-version", "unknown-version"]


def test_many_profiles_with_many_properties():
    properties = "".join(f"<p{n}>{n}</p{n}>" for n in range(2_000))
    profiles = f"<profile>{dependencies(dependency('a', '${p7}'))}</profile>" * 2_000
    found = read(f"<properties>{properties}</properties><profiles>{profiles}</profiles>")
    assert [(package.key, package.version) for package in found.packages] == [("g:a", "7")]


def test_plugins_and_exclusions_are_no_dependencies():
    body = (
        f"<build><plugins><plugin>{dependencies(dependency('p', '1'))}</plugin></plugins></build>"
        + dependencies(
            dependency("a", "1", f"<exclusions><exclusion>{dependency('x')}</exclusion></exclusions>")
        )
    )
    assert list(by_key(read(body))) == ["g:a"]


def test_other_xml():
    for content, reason in ((b"<html/>", "not-pom"), (b"<project", "not-xml"), (b"", "not-xml")):
        with pytest.raises(BadRecord) as bad:
            FORMAT.read("pom.xml", content)
        assert bad.value.reason == reason
    assert FORMAT.read("pom.xml", b"<project/>").packages == ()
