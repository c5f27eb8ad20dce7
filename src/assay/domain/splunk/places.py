"""What a path says: whose configuration a file is, and for which machine.

Splunk Enterprise, "Configuration file directories". The prefix before `etc/` differs from archive to archive and counts
for nothing; an archive may also be one app alone, or one file.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

NESTED = "!/"
"""Between the path of a package and the path inside it."""

_SCOPES = frozenset(("default", "local"))
_META = "metadata"
_README = "README"
_LOOKUPS = "lookups"


class Area(StrEnum):
    """Which part of `etc/` a file lies in."""

    SYSTEM = "system"
    APP = "app"
    USER = "user"
    PEER = "peer-app"
    """Of a cluster's peer, as its manager gave it: `peer-apps`, once `slave-apps`."""
    DEPLOYMENT = "deployment-app"
    MANAGER = "manager-app"
    """For the peers of a cluster: `manager-apps`, once `master-apps`."""
    SHCLUSTER = "shcluster-app"
    SHCLUSTER_USER = "shcluster-user"
    """What a search head cluster's deployer hands out of its users: `shcluster/users`."""
    PACKAGE = "package"
    """An app in an archive inside the archive, installed nowhere."""


class Kind(StrEnum):
    """What kind of file it is."""

    CONF = "conf"
    META = "meta"
    SPEC = "spec"


class Target(StrEnum):
    """Whose effective configuration is asked for."""

    INSTANCE = "instance"
    """The machine that `etc/` is of."""
    DEPLOYMENT = "deployment"
    """A client that is given apps of `deployment-apps`."""
    MANAGER = "manager"
    """A peer of the cluster that this machine manages."""
    SHCLUSTER = "shcluster"
    """A member of the search head cluster that this machine deploys to."""
    PACKAGES = "packages"
    """Apps that lie in the archive packed, as if they were installed together."""


_AREAS = {
    "apps": Area.APP,
    "peer-apps": Area.PEER,
    "slave-apps": Area.PEER,
    "deployment-apps": Area.DEPLOYMENT,
    "manager-apps": Area.MANAGER,
    "master-apps": Area.MANAGER,
}
# Where the files of an area lie on the machine that a target means.
_SEATS = {
    Target.INSTANCE: {area: area for area in (Area.SYSTEM, Area.APP, Area.USER, Area.PEER)},
    Target.DEPLOYMENT: {Area.DEPLOYMENT: Area.APP},
    Target.MANAGER: {Area.MANAGER: Area.PEER},
    Target.SHCLUSTER: {Area.SHCLUSTER: Area.APP, Area.SHCLUSTER_USER: Area.USER},
    Target.PACKAGES: {Area.PACKAGE: Area.APP},
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies. `name` is the configuration's: `inputs` of `inputs.conf`. `app` is empty for the system."""

    area: Area
    app: str
    user: str
    scope: str
    kind: Kind
    name: str

    @property
    def path(self) -> str:
        """Where such a file lies below Splunk's home, however the archive was packed."""
        if self.kind is Kind.SPEC:
            scope, last = _README, f"{self.name}.conf.spec"
        elif self.kind is Kind.META:
            scope, last = _META, f"{self.scope}.meta"
        else:
            scope, last = self.scope, f"{self.name}.conf"
        return "/".join(part for part in ("etc", *_folder(self), scope, last) if part)


def _folder(place: "Place") -> tuple[str, ...]:
    match place.area:
        case Area.SYSTEM:
            return ("system",)
        case Area.USER:
            return "users", place.user, place.app
        case Area.SHCLUSTER:
            return "shcluster", "apps", place.app
        case Area.SHCLUSTER_USER:
            return "shcluster", "users", place.user, place.app
        case Area.APP:
            return "apps", place.app
    return f"{place.area}s", place.app


def locate(path: str, lone_app: str = "") -> Place | None:
    """The place of a path inside an archive, None for what is no configuration.

    `lone_app` names the app where the archive is one without its own folder.
    """
    package, inner, own = path.rpartition(NESTED)
    parts = [part for part in own.replace("\\", "/").split("/") if part not in ("", ".")]
    found = _named(parts, lone_app)
    if found is None or not inner:
        return found
    # Whatever lies in a package is that package's app, wherever the package itself lies.
    return replace(found, area=Area.PACKAGE, app=found.app or _packed(package), user="")


def _packed(package: str) -> str:
    """What an app is called that has no folder in its package."""
    return package.rpartition("/")[2].partition(".")[0]


def _named(parts: list[str], lone_app: str) -> Place | None:
    if not parts or parts[-1].startswith("._"):
        return None
    stem, _, ending = parts[-1].rpartition(".")
    if ending == "spec" and stem.endswith(".conf") and parts[-2:-1] == [_README]:
        return _seated(parts[:-2], "", Kind.SPEC, stem.removesuffix(".conf"), lone_app)
    scope = parts[-2] if len(parts) > 1 else ""
    if not stem:
        return None
    if ending == "conf" and scope in _SCOPES:
        return _seated(parts[:-2], scope, Kind.CONF, stem, lone_app)
    if ending == "meta" and scope == _META and stem in _SCOPES:
        return _seated(parts[:-2], stem, Kind.META, stem, lone_app)
    return None


def _seated(folder: list[str], scope: str, kind: Kind, name: str, lone_app: str) -> Place | None:
    owner = _owner(folder, lone_app)
    if owner is None:
        return None
    area, app, user = owner
    return Place(area, app, user, scope, kind, name)


def _owner(folder: list[str], lone_app: str) -> tuple[Area, str, str] | None:
    """(area, app, user) of the folder above the scope's."""
    *above, app = folder or [lone_app]
    if app == "system" and above[-1:] in ([], ["etc"]):
        return Area.SYSTEM, "", ""
    if above[-2:] == ["shcluster", "apps"]:
        return Area.SHCLUSTER, app, ""
    if above and above[-1] in _AREAS:
        return _AREAS[above[-1]], app, ""
    if above[-2:-1] == ["users"]:
        area = Area.SHCLUSTER_USER if above[-3:-2] == ["shcluster"] else Area.USER
        return area, app, above[-1]
    # A folder `local` deeper inside an app is the app's own business.
    if "etc" in above or not _AREAS.keys().isdisjoint(above):
        return None
    return Area.APP, app, ""


def locate_lookup(path: str, lone_app: str = "") -> tuple[Area, str, str, str] | None:
    """(area, app, user, name) of a file in an app's, the system's or a user's folder of lookups; None for others."""
    package, inner, own = path.rpartition(NESTED)
    parts = [part for part in own.replace("\\", "/").split("/") if part not in ("", ".")]
    if len(parts) < 2 or parts[-2] != _LOOKUPS or parts[-1].startswith("."):
        return None
    owner = _owner(parts[:-2], lone_app)
    if owner is None:
        return None
    area, app, user = owner
    if inner:
        return Area.PACKAGE, app or _packed(package), "", parts[-1]
    return area, app, user, parts[-1]


def areas_of(target: Target) -> frozenset[Area]:
    """The areas whose files are on the machine that is meant."""
    return frozenset(_SEATS[target])


def seat(place: Place, target: Target) -> Place | None:
    """Where the file lies on the machine that is meant; None where it has no part in it."""
    area = _SEATS[target].get(place.area)
    return None if area is None else replace(place, area=area)
