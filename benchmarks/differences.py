"""Where two scanners' findings on the same advisories differ, each with the reason that the records themselves give."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import peers
from assay.domain.packages import normalise_name
from assay.domain.versions import key

# (package, version, vulnerability)
Found = set[tuple[str, str, str]]


def explain(
    archive: Path, ecosystem: str, peer: str, ours: Found, theirs: Found, of: Mapping[str, tuple[str, str]]
) -> None:
    """Print every difference with its reason, and how many there are of each.

    `of` gives the curated vulnerability of each advisory, and its state; findings name the vulnerability.
    """
    said: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    wanted = {entry[0] for entry in ours ^ theirs}
    for record in peers.records(archive):
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            name = normalise_name(ecosystem, package.get("name", ""))
            if package.get("ecosystem") == ecosystem and name in wanted:
                said[of[record["id"]][0], name].append({"id": record["id"], **affected})
    states = dict(of.values())
    for title, missing in ((f"{peer} only", theirs - ours), ("Assay only", ours - theirs)):
        reasons: Counter[str] = Counter()
        for name, version, vulnerability in sorted(missing):
            reason = _reason(ecosystem, version, said[vulnerability, name], states.get(vulnerability))
            reasons[reason.partition(":")[0]] += 1
            print(f"    {title}: {name} {version} {vulnerability}: {reason}")
        print(f"  {title}: {len(missing)}  {dict(reasons)}")


def _reason(ecosystem: str, version: str, entries: list[dict[str, Any]], state: str | None) -> str:
    ranges = "; ".join(f"{entry['id']} {' or '.join(peers.constraints(entry))}" for entry in entries)
    inside = {entry["id"] for entry in entries if _holds(ecosystem, version, entry)}
    if state in ("withdrawn", "rejected"):
        return f"{state}, as the record itself says: {ranges}"
    if key(ecosystem, version) is None:
        return f"the version cannot be placed, so that it is not known: {ranges}"
    if not inside:
        return f"no record holds this version: {ranges}"
    if any(version in entry.get("versions", ()) for entry in entries):
        return f"listed by {', '.join(sorted(inside))}: {ranges}"
    if len({entry["id"] for entry in entries} - inside) > 0:
        return f"records of one vulnerability contradict each other, and the catalog believes one: {ranges}"
    return f"NOT EXPLAINED: {ranges}"


def _holds(ecosystem: str, version: str, entry: dict[str, Any]) -> bool:
    """OSV's evaluation, written once more and without the catalog (OSV schema, section "Evaluation")."""
    if version in entry.get("versions", ()):
        return True
    place = key(ecosystem, version)
    for span in entry.get("ranges", ()):
        events = [(kind, said) for event in span.get("events", ()) for kind, said in event.items()]
        is_inside = False
        for kind, said in sorted(
            events, key=lambda event: (_place(ecosystem, event[1]), event[0] != "introduced")
        ):
            reached = place is not None and place >= _place(ecosystem, said)
            if kind == "introduced" and reached:
                is_inside = True
            elif (kind == "fixed" and reached) or (
                kind == "last_affected" and reached and place != _place(ecosystem, said)
            ):
                is_inside = False
        if is_inside:
            return True
    return False


def _place(ecosystem: str, said: str) -> bytes:
    return b"" if said == "0" else key(ecosystem, said) or b""
