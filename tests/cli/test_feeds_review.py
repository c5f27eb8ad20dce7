"""`assay feeds process` and `assay feeds review`: real bulletins read, and decided about from a terminal."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from assay.cli.exits import ExitCode
from pipelines.feeds.bulletins import ARCHIVE

UNKNOWN = "CVE-2031-4242"


@pytest.fixture(scope="module")
def loaded(loaded: dict[str, str]) -> dict[str, str]:
    """The environment of an Assay with the sample, which may read one folder."""
    home = Path(loaded["ASSAY_HOME"])
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home, filter="data")
    letters = home / "feeds" / "letters"
    letters.mkdir()
    for number in range(1, 5):
        text = f"# Flaw in Zwoosh {number}\n\nCVE-2031-000{number}: Zwoosh {number} before 1.2 lets people read files."
        (letters / f"{number}.md").write_text(text, encoding="utf-8")
    return {**loaded, "ASSAY_FEEDS__ROOTS": f'["{home}/feeds"]'}


@pytest.fixture
def waiting(ask, loaded) -> list[Any]:
    """What waits for review, after everything that was given was read."""
    for name in ("curl", "letters"):
        folder = Path(loaded["ASSAY_HOME"]) / "feeds" / name
        if name not in {one["name"] for one in ask("feeds", "source", "list")}:
            ask("feeds", "source", "add", name, str(folder), "--kind", "files")
            ask("feeds", "source", "run", name)
    ask("feeds", "process")
    return ask("feeds", "review", "list")["items"]


def in_review(ask, feed: str = "letters") -> list[int]:
    return [one["id"] for one in ask("feeds", "review", "list", "--feed", feed)["items"]]


def test_what_waits_is_processed_in_batches_or_at_once(assay, ask, loaded):
    folder = Path(loaded["ASSAY_HOME"]) / "feeds" / "curl"
    ask("feeds", "source", "add", "curl", str(folder), "--kind", "files")
    assert ask("feeds", "process")["processed"] == 0
    assert "0 entries processed" in assay("feeds", "process").stderr
    came = ask("feeds", "source", "run", "curl")
    first = ask("feeds", "process", "--batch", "2", "--once")
    assert (first["processed"], first["failed"]) == (2, 0)
    assert first.keys() == {
        *("processed", "created", "updated", "failed", "skipped", "duplicates", "purged", "duration_seconds")
    }
    left = came["new"] - 2
    assert f"{left} entries processed: " in assay("feeds", "process", "--batch", "1").stderr
    assert ask("feeds", "process")["processed"] == 0
    # The catalog was merged as well: what was read is found at once, as far as it may be.
    found = {one["identifier"] for one in ask("feeds", "review", "list")["items"]}
    assert found
    for name in found:
        assert name in str(ask("show", name))
    assay("feeds", "process", "--batch", "0", code=ExitCode.WRONG)
    told = assay("feeds", "process", "--batch", "101", code=ExitCode.WRONG).stderr
    assert "less than or equal to 100" in told


def test_the_queue_is_listed_filtered_and_paged(assay, ask, waiting):
    assert {one["feed"] for one in waiting} >= {"letters"}
    shown = assay("feeds", "review", "list", "--feed", "letters").stdout
    assert "CVE-2031-0001" in shown
    page = ask("feeds", "review", "list", "--limit", "2")
    rest = ask("feeds", "review", "list", "--cursor", page["next_cursor"])
    assert [one["id"] for one in page["items"] + rest["items"]] == [one["id"] for one in waiting]
    assert page["waiting"] == len(waiting)
    assert "--cursor" in assay("feeds", "review", "list", "--limit", "2").stderr
    doubted = ask("feeds", "review", "list", "--doubt", "unknown_vendor", "--words", "zwoosh")["items"]
    assert {one["identifier"] for one in doubted} <= {f"CVE-2031-000{number}" for number in range(1, 5)}
    assert "nothing is like this" in assay("feeds", "review", "list", "--feed", "nobody").stderr
    assert ask("feeds", "review", "list", "--at-least", "1")["items"] == []
    item = ask("feeds", "review", "show", str(waiting[0]["id"]))
    assert item["identifier"] == waiting[0]["identifier"]
    assert waiting[0]["identifier"] in assay("feeds", "review", "show", str(waiting[0]["id"])).stdout


def test_one_is_edited_approved_taken_back_and_rejected(assay, ask, waiting):
    number = str(in_review(ask)[0])
    edited = ask("feeds", "review", "edit", number, "--vendor", "Zwoosh AG", "--cwe", "CWE-22")
    assert (edited["state"], edited["decided"]["vendor"]["value"]) == ("in_review", "Zwoosh AG")
    options = ("--range", "< 1.3", "--approve", "--note", "they told us", "--by", "eve")
    item = ask("feeds", "review", "edit", number, *options)
    assert (item["state"], item["decided_by"], item["note"]) == ("approved", "eve", "they told us")
    assay("feeds", "process")
    assay("feeds", "review", "approve", number, code=ExitCode.NOT_WELL)
    found = ask("show", item["identifier"])
    assert "Zwoosh AG" in str(found)
    again = ask("feeds", "review", "reopen", number)
    assert (again["state"], again["decided"]["vendor"]["value"]) == ("in_review", "Zwoosh AG")
    assay("feeds", "review", "reopen", number, code=ExitCode.CONFLICT)
    assert "1 extraction rejected" in assay("feeds", "review", "reject", number, "--note", "no").stderr
    told = assay("feeds", "review", "edit", number, "--title", "x", code=ExitCode.CONFLICT).stderr
    assert "reopen it first" in told
    noted = assay("audit", "--json").stdout
    for action in ("review.edit", "review.approve", "review.reopen", "review.reject"):
        assert action in noted
    ask("feeds", "review", "reopen", number)


def test_one_is_about_another_vulnerability(assay, ask, waiting):
    number = str(in_review(ask)[-1])
    moved = ask("feeds", "review", "reassign", number, UNKNOWN.lower(), "--note", "a typing error")
    assert (moved["identifier"], moved["state"]) == (UNKNOWN, "approved")
    told = assay("feeds", "review", "reassign", number, "a flaw", code=ExitCode.WRONG).stderr
    assert "a flaw" in told
    assert ask("feeds", "review", "reopen", number)["identifier"] != UNKNOWN


def test_several_are_decided_about_at_once(assay, ask, waiting):
    first, second, *others = in_review(ask)
    done = ask("feeds", "review", "approve", str(first), str(second), "--note", "seen")
    assert done == {"ids": [first, second], "refused": {}}
    half = ask("feeds", "review", "approve", str(first), str(others[0]), code=ExitCode.NOT_WELL)
    assert half["ids"] == [others[0]]
    assert "approved it already" in half["refused"][str(first)]
    said = assay("feeds", "review", "reject", "--all", "--feed", "letters", "--words", "zwoosh").stderr
    assert f"{len(others) - 1} extraction" in said
    assert in_review(ask) == []
    assert ask("feeds", "review", "reject", "--all", "--feed", "letters")["ids"] == []
    for number in (first, second, *others):
        ask("feeds", "review", "reopen", str(number))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("approve",), ExitCode.WRONG, "say which, or --all"),
        (("reject", "1", "--all"), ExitCode.WRONG, "say which, or --all"),
        (("approve", "x"), ExitCode.WRONG, "should be a valid integer"),
        (("approve", "0"), ExitCode.WRONG, "greater than or equal to 1"),
        (("approve", "9999"), ExitCode.NOT_FOUND, "there is no extraction 9999; `assay feeds review list`"),
        (("show", "9999"), ExitCode.NOT_FOUND, "there is no extraction 9999"),
        (("reassign", "9999", UNKNOWN), ExitCode.NOT_FOUND, "there is no extraction 9999"),
        (("list", "--cursor", "x"), ExitCode.WRONG, "it is none of ours"),
        (("list", "--doubt", "odd"), ExitCode.WRONG, "there are"),
        (("list", "--state", "odd"), ExitCode.WRONG, "'odd' is not one of"),
        (("list", "--at-least", "80"), ExitCode.WRONG, "less than or equal to 1"),
        (("edit", "1"), ExitCode.WRONG, "say what is to be otherwise"),
    ],
)
def test_what_cannot_be_is_told(assay, waiting, words, code, said):
    told = " ".join(assay("feeds", "review", *words, code=code).stderr.replace("│", " ").split())
    assert said in told


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--range", "from then till now", "from then till now"),
        ("--severity", "awful", "awful"),
        ("--vector", "CVSS:9/AV:N", "CVSS:9/AV:N"),
        ("--cwe", "XSS", "XSS"),
        ("--package", "lodash", "lodash"),
        ("--reference", "our wiki", "our wiki"),
    ],
)
def test_an_edit_that_cannot_be_is_told_and_changes_nothing(assay, ask, waiting, option, value, said):
    number = str(in_review(ask)[0])
    before = ask("feeds", "review", "show", number)
    assert said in assay("feeds", "review", "edit", number, option, value, code=ExitCode.WRONG).stderr
    assert ask("feeds", "review", "show", number) == before
