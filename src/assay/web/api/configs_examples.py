"""What the interface's description shows of configuration archives: answers about `sample/splunk-etc.tar.gz`."""

from typing import Any

ID = "b3b99065-28fe-43eb-a71c-c767a62f4f5f"
_SECURE = "monitor:///var/log/secure"
_INPUTS = "etc/system/local/inputs.conf"
_CLASSES = "etc/system/local/serverclass.conf"

RUN: dict[str, Any] = {
    "id": ID,
    "kind": "ds_etc",
    "label": "nightly",
    "file_name": "etc.tar.gz",
    "sha256": "6a26119d9baa1cdf58d332a769579b1c12d214ba895a67899bb5a1fb7bf98169",
    "bytes": 40381,
    "status": "complete",
    "uploaded_by": "ada",
    "uploaded_at": "2026-03-01T10:13:00Z",
    "job": 12,
    "started_at": "2026-03-01T10:13:00.05Z",
    "completed_at": "2026-03-01T10:13:00.18Z",
    "seconds": 0.18,
    "error": None,
    "counts": {
        "apps": 11,
        "files": 74,
        "members": 85,
        "secrets": 11,
        "stanzas": 528,
        "problems": 5,
        "settings": 3811,
        "conf_bytes": 253609,
        "meta_files": 6,
    },
    "notes": [],
}
UPLOADED = {
    **RUN,
    "status": "stored",
    "started_at": None,
    "completed_at": None,
    "seconds": None,
    "counts": {},
    "is_new": True,
    "url": f"/v1/runs/{ID}",
}
RUNS = {"runs": [RUN], "next_cursor": None}
FORGOTTEN = {"deleted": ID, "label": "nightly"}
CONFS = {
    "confs": [{"conf": "inputs", "files": 6, "stanzas": 19, "settings": 94}],
    "problems": [
        {
            "path": "etc/apps/000_org_base/local/tricky.conf",
            "line": 13,
            "code": "no-equals",
            "detail": "no equals here",
        }
    ],
}
EFFECTIVE = {
    "conf": "inputs",
    "stanzas": [
        {
            "stanza": _SECURE,
            "path": _INPUTS,
            "line": 16,
            "settings": [
                {
                    "key": "index",
                    "value": "os",
                    "path": _INPUTS,
                    "line": 17,
                    "inherited_from": None,
                    "shadowed": [
                        {
                            "value": "security",
                            "path": "etc/apps/000_org_base/local/inputs.conf",
                            "line": 11,
                            "inherited_from": None,
                        }
                    ],
                }
            ],
        }
    ],
    "total": 1,
}
EFFECTIVE_CSV = f"""conf,stanza,key,value,path,line,inherited_from,shadowed
inputs,{_SECURE},index,os,{_INPUTS},17,,security (etc/apps/000_org_base/local/inputs.conf:11)
"""
EFFECTIVE_BTOOL = f"""/opt/splunk/{_INPUTS}   [{_SECURE}]
/opt/splunk/{_INPUTS}   index = os
/opt/splunk/etc/system/default/inputs.conf queue = parsingQueue
"""
HITS = {
    "hits": [
        {
            "path": "etc/apps/000_org_base/local/transforms.conf",
            "area": "app",
            "app": "000_org_base",
            "conf": "transforms",
            "stanza": "org_web_index",
            "key": "FORMAT",
            "value": "webb_typo_index",
            "line": 14,
        }
    ]
}
ROUTING = {
    "nodes": [
        {
            "id": f"input:{_SECURE}",
            "kind": "input",
            "name": _SECURE,
            "app": "",
            "path": _INPUTS,
            "line": 16,
            "is_missing": False,
        },
        {
            "id": "index:os",
            "kind": "index",
            "name": "os",
            "app": "",
            "path": "etc/peer-apps/_cluster/local/indexes.conf",
            "line": 1,
            "is_missing": False,
        },
    ],
    "edges": [{"source": f"input:{_SECURE}", "target": "index:os", "label": "index", "is_possible": False}],
}
ROUTING_MERMAID = f"""flowchart LR
  n0(["input: {_SECURE}"])
  n1[("index: os")]
  n0 -->|"index"| n1
"""
DIFFERENCES = {
    "differences": [
        {
            "change": "changed",
            "conf": "inputs",
            "stanza": _SECURE,
            "key": "index",
            "before": "security",
            "after": "os",
            "path_before": "etc/apps/inputs/local/inputs.conf",
            "path_after": "etc/apps/inputs/local/inputs.conf",
        }
    ]
}
OBJECTS = {
    "objects": [
        {
            "kind": "outputs",
            "name": "tcpout:primary_indexers",
            "app": "",
            "path": "etc/system/local/outputs.conf",
            "line": 5,
            "is_disabled": False,
            "fields": {"server": ["idx1.example.test:9997", "idx2.example.test:9997"], "useACK": True},
        }
    ]
}
APPS = {
    "apps": [
        {
            "ecosystem": "Splunkbase",
            "name": "splunk",
            "version": "9.2.0",
            "purl": "pkg:generic/splunk@9.2.0",
            "is_enabled": True,
            "area": "system",
            "vulnerabilities": [
                {
                    "name": "CVE-2024-36982",
                    "state": "published",
                    "summary": "Denial of Service through null pointer reference in “cluster/config” REST endpoint",
                    "severity": "high",
                    "cvss_score": 7.5,
                    "is_exploited": False,
                    "is_unknown": False,
                    "fixed": "9.2.2",
                    "why": "Splunk's own version",
                    "confidence": 0.95,
                }
            ],
        },
        {
            "ecosystem": "Splunkbase",
            "name": "ThreatHunting",
            "version": "1.5.1",
            "purl": "pkg:generic/splunkbase/ThreatHunting@1.5.1",
            "is_enabled": True,
            "area": "app",
            "vulnerabilities": [],
        },
    ],
    "records": 3,
}
_LINUX = {
    "whitelist": ["*"],
    "blacklist": [],
    "is_open": False,
    "machine_types": ["linux-*"],
    "package_types": [],
    "files": [],
}
SERVER_CLASSES = {
    "server_classes": [
        {
            "name": "all_linux",
            "filter": _LINUX,
            "apps": [
                {
                    "name": "Splunk_TA_nix",
                    "is_present": False,
                    "version": None,
                    "filter": _LINUX,
                    "path": _CLASSES,
                    "line": 10,
                }
            ],
            "clients": ["web1.example.test"],
            "path": _CLASSES,
            "line": 6,
        }
    ],
    "clients": {
        "web1.example.test": {
            "Splunk_TA_nix": ["all_linux"],
            "this_app_does_not_exist": ["missing_app"],
            "org_all_outputs": ["web_tier"],
            "org_web_inputs": ["web_tier"],
        }
    },
}
FINDINGS = {
    "findings": [
        {
            "rule": "missing-app",
            "severity": "error",
            "conf": "serverclass",
            "stanza": "serverClass:all_linux:app:Splunk_TA_nix",
            "key": "",
            "path": _CLASSES,
            "line": 10,
            "message": "deployment-apps holds no app Splunk_TA_nix",
        }
    ]
}
REPORT = f"""# nightly

Run `{ID}`, uploaded 2026-03-01 10:13 UTC
from `etc.tar.gz` (SHA-256 `{RUN["sha256"]}`).

| what | count |
|---|---|
| apps | 11 |
"""
