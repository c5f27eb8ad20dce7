"""packages.lock.json: one package over all frameworks and platforms."""

import json
from typing import Any

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin
from assay.pipelines.packages.sources.packages_lock_json import FORMAT


def read(frameworks: Any, version: int = 1) -> Inventory:
    return FORMAT.read(
        "packages.lock.json", json.dumps({"version": version, "dependencies": frameworks}).encode()
    )


def test_frameworks_platforms_and_types():
    found = read(
        {
            "net6.0": {
                "Acme.App": {
                    "type": "Direct",
                    "requested": "[1.0.0, )",
                    "resolved": "1.0.0",
                    "contentHash": "aa==",
                    "dependencies": {"acme.PART": "2.0.0", "Acme.Missing": "1.0.0"},
                },
                "Acme.Part": {"type": "Transitive", "resolved": "2.0.0", "contentHash": "bb=="},
                "Acme.Central": {"type": "CentralTransitive", "requested": "[3.0.0, )", "resolved": "3.0.0"},
                "acme.core": {"type": "Project", "dependencies": {"Acme.Part": "[2.0.0, )"}},
            },
            "net6.0/linux-x64": {
                "Acme.Part": {"type": "Transitive", "resolved": "2.1.0"},
                "runtime.linux": {
                    "type": "Transitive",
                    "resolved": "1.0.0",
                    "dependencies": {"Acme.App": "1"},
                },
            },
            "net8.0": {"acme.app": {"type": "Transitive", "resolved": "1.0.0", "contentHash": "cc=="}},
        },
        version=2,
    )
    packages = {package.key: package for package in found.packages}
    app = packages["acme.app@1.0.0"]
    assert found.version == "2"
    assert len(packages) == 6
    assert (app.name, app.is_direct, app.requires) == ("Acme.App", True, ("acme.part@2.0.0",))
    assert app.integrity == ("contentHash:aa==", "contentHash:cc==")
    assert app.place == "$.dependencies['net6.0']['Acme.App']"
    assert packages["acme.part@2.0.0"].is_direct is False
    assert packages["acme.central@3.0.0"].is_direct is False
    core = packages["acme.core@project"]
    assert (core.origin, core.version, core.is_direct) == (Origin.PATH, None, None)
    assert core.requires == ("acme.part@2.0.0",)
    # The platform's section lists only what differs from its framework's.
    assert packages["runtime.linux@1.0.0"].requires == ("acme.app@1.0.0",)


def test_wrong_entries_are_named_and_the_others_stand():
    found = read(
        {"net6.0": {"A": {"type": "Direct"}, "B": 1, "C": {"type": "Direct", "resolved": "1"}}, "net8.0": []}
    )
    assert [package.key for package in found.packages] == ["c@1"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("$.dependencies['net6.0'].A", "no-version"),
        ("$.dependencies['net6.0'].B", "wrong-type"),
        ("$.dependencies['net8.0']", "missing"),
    ]


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"dependencies": []}', b'{"packages": {}}'])
def test_other_json(content: bytes):
    with pytest.raises(BadRecord) as bad:
        FORMAT.read("packages.lock.json", content)
    assert bad.value.reason == "no-packages"
