"""One extraction as programs read it, and examples of it."""

from datetime import datetime
from typing import Any

import msgspec

from assay.pipelines.feeds.commands.reviewing import as_edits
from assay.pipelines.feeds.model.extraction import Extraction
from assay.pipelines.feeds.model.review import Edits, Item

EDITS: dict[str, Any] = {
    "vendor": "curl",
    "product": "curl",
    "ranges": [">= 8.11.0, <= 8.20.0"],
    "severity": "low",
    "cwes": ["CWE-200"],
}
LINE: dict[str, Any] = {
    "id": 12,
    "feed": "curl",
    "identifier": "CVE-2026-9545",
    "title": "exposing HTTP/3 early data",
    "vendor": "curl",
    "product": "curl",
    "severity": "low",
    "confidence": 0.61,
    "doubts": ["unknown_vendor"],
    "state": "in_review",
    "is_monitored": True,
    "is_changed_since": False,
    "is_waiting_for_model": False,
    "published_at": "2026-06-24T00:00:00Z",
    "created_at": "2026-06-24T08:13:00Z",
    "decided_by": None,
    "decided_at": None,
}
_NAME = {"value": "CVE-2026-9545", "confidence": 0.99, "quotes": [[112, 125]]}
ITEM: dict[str, Any] = {
    "id": 12,
    "state": "in_review",
    "identifier": "CVE-2026-9545",
    "is_candidate": False,
    "feed": "curl",
    "entry": 7,
    "record_id": "curl/CVE-2026-9545/0f1e2d3c4b5a6978",
    "title": "exposing HTTP/3 early data",
    "address": "https://curl.example.org/docs/CVE-2026-9545.html",
    "text": "exposing HTTP/3 early data\n\n...",
    "extracted": {"identifier": _NAME, "confidence": 0.61, "doubts": ["unknown_vendor"]},
    "decided": None,
    "values": EDITS,
    "confidence": 0.61,
    "doubts": ["unknown_vendor"],
    "is_monitored": True,
    "model": None,
    "published_at": "2026-06-24T00:00:00Z",
    "created_at": "2026-06-24T08:13:00Z",
    "changed_at": "2026-06-24T08:13:00Z",
    "is_changed_since": False,
    "decided_by": None,
    "decided_at": None,
    "note": None,
}
DECIDED: dict[str, Any] = {"ids": [12, 13], "refused": {"14": "ada has rejected it already"}}


class Shown(msgspec.Struct, frozen=True):
    """One extraction. `extracted` is what was read, `decided` what a person made of it, `values` what is in force.

    `values` are in the words in which edits are sent.
    """

    id: int
    state: str
    identifier: str
    is_candidate: bool
    feed: str
    entry: int | None
    record_id: str
    title: str | None
    address: str | None
    text: str
    extracted: Extraction
    decided: Extraction | None
    values: Edits
    confidence: float
    doubts: list[str]
    is_monitored: bool
    model: str | None
    published_at: datetime | None
    created_at: datetime
    changed_at: datetime
    is_changed_since: bool
    decided_by: str | None
    decided_at: datetime | None
    note: str | None


def shown(item: Item) -> Shown:
    """The extraction as programs read it."""
    own = {name: getattr(item, name) for name in Shown.__struct_fields__ if hasattr(item, name)}
    doubts = [one.value for one in item.doubts]
    return Shown(**own | {"text": item.prose.text, "values": as_edits(item.shown), "doubts": doubts})
