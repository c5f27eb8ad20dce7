"""What `.meta` files say of an app's objects: who may read them, and whether other apps see them.

default.meta.spec: `[]` is the app, `[views]` all of a kind, `[views/index_status]` one; names are URL-encoded.
`local.meta` beats `default.meta`, setting by setting.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from assay.domain.splunk.conf import Conf

_LISTED = re.compile(r"(read|write)\s*:\s*\[([^\]]*)\]")
_SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Exports:
    """The permissions of one app; `stanzas` are merged, the stronger file's settings in them."""

    stanzas: Mapping[str, Mapping[str, str]]

    def reaches_others(self, conf: str, stanza: str, key: str | None = None) -> bool:
        """Whether another app's searches see this object. The most particular entry that says so decides.

        In props.conf a single setting may be an object, too: `[props/syslog/EXTRACT-pid]`.
        """
        name = quote(stanza, safe="")
        wanted = [f"{conf}/{name}", f"{conf}/{stanza}", conf, ""]
        if key is not None:
            wanted.insert(0, f"{conf}/{name}/{quote(key, safe='')}")
        for entry in wanted:
            said = self.stanzas.get(entry, {}).get("export")
            if said is not None:
                return said.strip() == _SYSTEM
        return False


def exports(files: Iterable[Conf]) -> Exports:
    """What the `.meta` files of an app come to, the strongest first."""
    merged: dict[str, dict[str, str]] = {}
    for conf in files:
        for name, settings in conf.merged().items():
            into = merged.setdefault(name, {})
            for key, value in settings.items():
                into.setdefault(key, value)
    return Exports(merged)


def access(value: str) -> dict[str, list[str]]:
    """The roles of `access = read : [ * ], write : [ admin, power ]`."""
    return {
        verb: [role.strip() for role in roles.split(",") if role.strip()]
        for verb, roles in _LISTED.findall(value)
    }
