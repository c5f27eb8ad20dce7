"""What paths say, whatever stands before `etc/`."""

import pytest

from assay.domain.splunk.places import Area, Kind, Target, locate, locate_lookup, seat


@pytest.mark.parametrize(
    ("path", "area", "app", "user", "scope", "name"),
    [
        ("etc/system/local/inputs.conf", Area.SYSTEM, "", "", "local", "inputs"),
        ("opt/splunk/etc/apps/search/default/props.conf", Area.APP, "search", "", "default", "props"),
        ("./etc/apps/A/local/app.conf", Area.APP, "A", "", "local", "app"),
        (
            "etc/users/bob/search/local/savedsearches.conf",
            Area.USER,
            "search",
            "bob",
            "local",
            "savedsearches",
        ),
        ("etc/slave-apps/_cluster/local/indexes.conf", Area.PEER, "_cluster", "", "local", "indexes"),
        ("etc/peer-apps/_cluster/local/indexes.conf", Area.PEER, "_cluster", "", "local", "indexes"),
        ("etc/master-apps/x/default/a.conf", Area.MANAGER, "x", "", "default", "a"),
        ("etc/manager-apps/x/default/a.conf", Area.MANAGER, "x", "", "default", "a"),
        ("etc/deployment-apps/x/local/outputs.conf", Area.DEPLOYMENT, "x", "", "local", "outputs"),
        ("etc/shcluster/apps/x/default/a.conf", Area.SHCLUSTER, "x", "", "default", "a"),
        ("etc/shcluster/users/bob/x/local/a.conf", Area.SHCLUSTER_USER, "x", "bob", "local", "a"),
        ("my_app/default/app.conf", Area.APP, "my_app", "", "default", "app"),
        ("default/app.conf", Area.APP, "alone", "", "default", "app"),
        ("system/local/server.conf", Area.SYSTEM, "", "", "local", "server"),
        ("etc/apps/x.tgz!/my_app/default/app.conf", Area.PACKAGE, "my_app", "", "default", "app"),
        ("x/packed.spl!/default/app.conf", Area.PACKAGE, "alone", "", "default", "app"),
    ],
)
def test_configuration(path, area, app, user, scope, name):
    place = locate(path, "alone")
    assert place is not None
    assert (place.area, place.app, place.user, place.scope, place.name) == (area, app, user, scope, name)
    assert place.kind is Kind.CONF


@pytest.mark.parametrize(
    "path",
    [
        *(
            "etc/apps/x/bin/setting.conf",
            "etc/apps/x/lookups/local/a.conf",
            "etc/apps/x/default/data/ui/local/a.conf",
        ),
        *("etc/apps/x/default/a.conf.old", "etc/apps/x/default/._a.conf", "etc/apps/x/default/.conf"),
        *("etc/apps/x/default/a.conf.example", "", "default", "a.conf", "etc/users/users.ini"),
    ],
)
def test_what_is_no_configuration(path):
    assert locate(path) is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("opt/splunk/etc/apps/x/lookups/a.csv", (Area.APP, "x", "", "a.csv")),
        ("etc/users/bob/search/lookups/a.csv.gz", (Area.USER, "search", "bob", "a.csv.gz")),
        ("etc/system/lookups/a.csv", (Area.SYSTEM, "", "", "a.csv")),
        ("x/packed.spl!/my_app/lookups/a.csv", (Area.PACKAGE, "my_app", "", "a.csv")),
        ("lookups/a.csv", (Area.APP, "alone", "", "a.csv")),
        *(
            (path, None)
            for path in ("etc/apps/x/lookups/.keep", "etc/apps/x/bin/lookups/deep/a.csv", "a.csv", "")
        ),
        ("etc/apps/x/appserver/static/lookups/a.csv", None),
    ],
)
def test_lookups(path, found):
    assert locate_lookup(path, "alone") == found


def test_metadata_and_specifications():
    assert locate("etc/apps/x/metadata/local.meta").kind is Kind.META
    assert locate("etc/apps/x/metadata/other.meta") is None
    spec = locate("etc/apps/x/README/inputs.conf.spec")
    assert (spec.kind, spec.name, spec.app) == (Kind.SPEC, "inputs", "x")
    assert locate("etc/system/README/props.conf.spec").area is Area.SYSTEM


@pytest.mark.parametrize(
    "path",
    [
        *("etc/system/local/inputs.conf", "etc/apps/x/default/a.conf", "etc/users/bob/x/local/a.conf"),
        *("etc/deployment-apps/x/local/a.conf", "etc/shcluster/apps/x/local/a.conf"),
        "etc/shcluster/users/bob/x/local/a.conf",
        *("etc/apps/x/metadata/local.meta", "etc/apps/x/README/a.conf.spec", "etc/peer-apps/x/local/a.conf"),
    ],
)
def test_a_place_knows_its_path(path):
    assert locate(f"backup/{path}").path == path


def test_deployment_apps_are_of_other_machines():
    place = locate("etc/deployment-apps/x/local/a.conf")
    assert seat(place, Target.INSTANCE) is None
    assert seat(place, Target.DEPLOYMENT).area is Area.APP
    assert seat(locate("etc/system/local/a.conf"), Target.DEPLOYMENT) is None
    of_users = locate("etc/shcluster/users/bob/x/local/a.conf")
    assert seat(of_users, Target.INSTANCE) is None
    assert seat(of_users, Target.SHCLUSTER).area is Area.USER
    assert seat(locate("etc/manager-apps/x/local/a.conf"), Target.MANAGER).area is Area.PEER
