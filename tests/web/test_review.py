"""`/v1/feeds/review`: viewers look, analysts decide, the audit log says who, and what contradicts is refused."""

from typing import Any

import pytest

from assay.auth.model import Role
from assay.pipelines.feeds.model.extraction import Doubt
from assay.pipelines.feeds.tasks.publishing import publish
from pipelines.feeds.scenes import NOW, an_entry, said, settled
from web.test_operating import Door, audit, door

__all__ = ["door"]
PATH = "/v1/feeds/review"


def waiting(door: Door, count: int = 1, **fields: Any) -> list[int]:
    """The numbers of extractions that wait."""
    with door.service.ctx.db.transaction() as conn:
        touched: list[int] = []
        for number in range(count):
            one = said(f"CVE-2024-{1000 + number}", confidence=0.5 - number / 100, **fields)
            done = settled(conn, an_entry(conn, str(number)), one)
            publish(conn, done.touched, NOW)
            touched += done.touched
        return touched


def test_the_queue_is_listed_page_by_page(door: Door):
    numbers = waiting(door, 3)
    door.as_(Role.VIEWER)
    first = door.ask("GET", f"{PATH}?limit=2")
    assert ([one["id"] for one in first["items"]], first["waiting"]) == (numbers[:2], 3)
    rest = door.ask("GET", f"{PATH}?limit=2&cursor={first['next_cursor']}")
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == (numbers[2:], None)
    for wrong in (
        "cursor=nonsense",
        "cursor=MTow",
        "state=unknown",
        "at_least=2",
        "colour=red",
        "doubt=none",
    ):
        door.ask("GET", f"{PATH}?{wrong}")
        assert door.status == 400, wrong
    door.ask("GET", f"{PATH}/{numbers[-1] + 1}")
    assert door.status == 404


def test_one_is_shown_with_the_places_that_support_it(door: Door):
    (number,) = waiting(door)
    told = door.as_(Role.VIEWER).ask("GET", f"{PATH}/{number}")
    (start, end) = told["extracted"]["cwes"][0]["quotes"][0]
    assert told["text"][start:end] == "CWE-200"
    assert told["values"]["ranges"] == [">= 8.11.0, <= 8.20.0"]


def test_an_analyst_decides_and_a_viewer_does_not(door: Door):
    one, two, three = waiting(door, 3)
    for method, path, body in [
        ("POST", f"{PATH}/{one}/approve", {}),
        ("POST", f"{PATH}/{one}/reject", {}),
        ("PATCH", f"{PATH}/{one}", {"vendor": "x"}),
        ("POST", f"{PATH}/bulk", {"action": "reject", "ids": [one]}),
    ]:
        door.as_(Role.VIEWER).ask(method, path, body)
        assert door.status == 403
    door.as_(Role.ANALYST)
    seen = door.ask("GET", f"{PATH}/{one}")["changed_at"]
    told = door.ask(
        "POST", f"{PATH}/{one}/approve", {"edits": {"vendor": "Haxx"}, "note": "known", "seen": seen}
    )
    assert (told["state"], told["values"]["vendor"], told["decided_by"]) == ("approved", "Haxx", "ada")
    assert door.ask("PATCH", f"{PATH}/{two}", {"product": "libcurl"})["state"] == "in_review"
    assert door.ask("POST", f"{PATH}/{two}/reject", {})["state"] == "rejected"
    assert door.ask("POST", f"{PATH}/{two}/reopen")["values"]["product"] == "libcurl"
    told = door.ask("POST", f"{PATH}/{three}/reassign", {"identifier": "CVE-2023-5"})
    assert told["identifier"] == "CVE-2023-5"
    assert [(action, subject, detail["identifier"]) for _, action, subject, detail in audit(door)] == [
        ("review.approve", str(one), "CVE-2024-1000"),
        ("review.edit", str(two), "CVE-2024-1001"),
        ("review.reject", str(two), "CVE-2024-1001"),
        ("review.reopen", str(two), "CVE-2024-1001"),
        ("review.reassign", str(three), "CVE-2023-5"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("approve", {"edits": {"severity": "terrible"}}, 400),
        ("approve", {"edits": {"colour": "red"}}, 400),
        ("approve", {"seen": "2020-01-01T00:00:00Z"}, 409),
        ("reassign", {"identifier": "nothing at all"}, 400),
        ("reopen", None, 409),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(door: Door, path, body, status):
    (number,) = waiting(door)
    before = door.ask("GET", f"{PATH}/{number}")
    door.as_(Role.ANALYST).ask("POST", f"{PATH}/{number}/{path}", body)
    assert door.status == status
    assert door.ask("GET", f"{PATH}/{number}") == before
    assert audit(door) == []


def test_many_are_decided_by_ids_or_by_what_a_filter_finds(door: Door):
    numbers = waiting(door, 3, doubts=(Doubt.CONFLICT,))
    door.as_(Role.ANALYST)
    assert door.ask("POST", f"{PATH}/bulk", {"action": "reject", "ids": numbers[:1]})["ids"] == numbers[:1]
    told = door.ask("POST", f"{PATH}/bulk", {"action": "approve", "filter": {"doubt": "conflict"}})
    assert (told["ids"], told["refused"]) == (numbers[1:], {})
    told = door.ask("POST", f"{PATH}/bulk", {"action": "reject", "ids": numbers[:1]})
    assert (told["ids"], list(told["refused"])) == ([], [str(numbers[0])])
    for body, status in [
        ({"action": "reject"}, 400),
        ({"action": "reject", "ids": [1], "filter": {}}, 400),
        ({"action": "reject", "filter": {}}, 404),
        ({"action": "reject", "ids": [999]}, 404),
    ]:
        door.ask("POST", f"{PATH}/bulk", body)
        assert door.status == status
