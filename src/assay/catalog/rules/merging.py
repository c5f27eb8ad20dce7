"""What is true of one vulnerability, decided field by field from the claims that speak of it.

Order of trust: live claims before retracted ones (withdrawn, rejected, gone from their source), then the
policy's rank, claims about one CVE id before claims about several, higher confidence, newer, record id.
As long as one claim is live, retracted ones set nothing: they only keep their names findable. The same holds for
claims that are held back (nobody reviewed them, or their source says it better) beside those that are not.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, cast

import msgspec

from assay.catalog.model import Claim, Exploited, Reserve, State
from assay.catalog.rules.affected import Ranked, merge_affected, packages
from assay.catalog.rules.matching import affected_commits, match_rows
from assay.catalog.rules.merged import Held, Merged, Provenance, Said, Specific, Wrapped, held_back
from assay.catalog.rules.policy import Policy
from assay.catalog.rules.trusting import related_names, trust_in
from assay.domain.identifiers import cve_order, database, is_cve
from assay.domain.osv import SCHEMA_VERSION, Affected, Credit, Document, Severity
from assay.domain.severity import Band, Score, band_of_word, score

# The OSV schema demands `modified`, and `withdrawn` of what is withdrawn. Where no claim knows a date (Go's
# records of year 1, a rejected CVE without dates), this says so.
UNKNOWN_DATE = "1970-01-01T00:00:00Z"

_OLDEST = datetime.min.replace(tzinfo=UTC)
_RETRACTED = (State.WITHDRAWN, State.REJECTED)
# Strict clients read the first entry only and want CVSS 3 there (research/aggregators.md, 6.5 no. 10).
_SEVERITY_ORDER = ("3.1", "3.0", "4.0", "2.0")
_CVSS_FIELD = {version: f"cvss/{version}" for version in _SEVERITY_ORDER}
_SEVERITY_TYPE = {"2.0": "CVSS_V2", "3.0": "CVSS_V3", "3.1": "CVSS_V3", "4.0": "CVSS_V4"}


_encode = msgspec.json.Encoder().encode


def merge(identifiers: Sequence[str], held: Sequence[Held], policy: Policy) -> Merged:
    """Merge the claims on one alias group. The result does not depend on the order of `held`."""
    return _Merge(identifiers, held, policy).result()


def preferred_name(identifiers: Sequence[str], policy: Policy) -> str:
    """The name a vulnerability goes by: the policy's best database, the oldest CVE id, then the alphabet."""

    if len(identifiers) == 1:
        return identifiers[0]
    places = policy.names

    def order(name: str) -> tuple[int, tuple[int, int], str]:
        return (places.get(database(name), len(places)), cve_order(name) if is_cve(name) else (9999, 0), name)

    return min(identifiers, key=order)


class _Merge:
    """One merge in progress: the claims in order of trust, and what was found of whom.

    Most vulnerabilities have a single claim and no enrichment; those take the short way through each method.
    """

    def __init__(self, identifiers: Sequence[str], held: Sequence[Held], policy: Policy) -> None:
        self._policy = policy
        self._names = tuple(identifiers)
        self._fields: dict[str, Said] = {}
        only = policy.speaks_only_for
        self._only: Claim | None = None
        if len(held) == 1 and held[0].claim.source not in only:
            self._only = held[0].claim
            self._ordered = self._statements = list(held)
            self._speaking = [Ranked(0, self._only)]
            self._is_plain = True
            self._quiet = frozenset[int]()
            return
        self._quiet = held_back(held, only)
        trust = {entry.id: trust_in(entry) for entry in held}
        self._ordered = sorted(held, key=lambda entry: self._order(entry, trust[entry.id]))
        self._trust = trust
        self._is_plain = not any(entry.claim.source in only for entry in self._ordered)
        # That KEV lists a CVE says nothing on whether the vulnerability stands, unless nobody else speaks of it.
        self._statements = [entry for entry in self._ordered if entry.id not in self._quiet]
        if not self._is_plain:
            self._statements = [
                entry for entry in self._statements if entry.claim.source not in only
            ] or self._ordered
        is_live = any(not entry.is_retracted for entry in self._statements)
        heard_anyway = () if is_live else {entry.id for entry in self._statements}
        self._speaking = [
            Ranked(place, entry.claim)
            for place, entry in enumerate(self._ordered)
            if (not entry.is_retracted and entry.id not in self._quiet) or entry.id in heard_anyway
        ]

    def _order(self, entry: Held, trust: tuple[Any, ...], field: str | None = None) -> tuple[Any, ...]:
        is_quiet = entry.id in self._quiet
        return is_quiet, entry.is_retracted, self._policy.rank(entry.claim, field), trust

    def _heard(self, field: str) -> list[Ranked]:
        """The claims heard on a field, most trusted first."""
        return self._by_trust(field, self._speaking_on(field))

    def _speaking_on(self, field: str) -> list[Ranked]:
        if self._is_plain:
            return self._speaking
        speaks = self._policy.speaks
        return [entry for entry in self._speaking if speaks(entry.claim, field)]

    def _by_trust(self, field: str, speaking: list[Ranked]) -> list[Ranked]:
        """Claims in the order of trust that a field has for itself, if it has one."""
        if len(speaking) < 2 or field not in self._policy.field_ranks:
            return speaking
        ordered, trust = self._ordered, self._trust
        return sorted(
            speaking,
            key=lambda entry: self._order(ordered[entry.place], trust[ordered[entry.place].id], field),
        )

    def _pick(self, field: str, alike: Callable[[Any], Any] | None = None) -> Any:
        """The most trusted claim's value of a field; those with another one are written down as disagreeing."""
        if self._only is not None:
            value = getattr(self._only, field)
            if value is None or value == ():
                return None
            self._fields[field] = _ALONE[0]
            return value
        # Most fields are told by one claim only, and then nobody has to be ranked.
        telling = [
            entry
            for entry in self._speaking_on(field)
            if (value := getattr(entry.claim, field)) is not None and value != ()
        ]
        if not telling:
            return None
        (by, claim), *others = self._by_trust(field, telling)
        found = getattr(claim, field)
        against = [place for place, other in others if getattr(other, field) != found]
        if against and alike is not None:
            meant = alike(found)
            against = [
                place for place in against if alike(getattr(self._ordered[place].claim, field)) != meant
            ]
        self._fields[field] = Said(by, tuple(against)) if against else _alone(by)
        return found

    def _unite(
        self, field: str, read: Callable[[Claim], Sequence[Any]], key: Callable[[Any], Any]
    ) -> tuple[Any, ...]:
        """Every distinct entry of a list, the most trusted claim's first."""
        if self._only is not None:
            entries = read(self._only)
            if not entries:
                return ()
            self._fields[field] = _ALONE[0]
            return _distinct(entries, key)
        parts = [(place, entries) for place, claim in self._heard(field) if (entries := read(claim))]
        if not parts:
            return ()
        first, *others = (place for place, _ in parts)
        self._fields[field] = Said(first, also=tuple(others)) if others else _alone(first)
        return _distinct([entry for _, entries in parts for entry in entries], key)

    def result(self) -> Merged:
        name = preferred_name(self._names, self._policy)
        state, withdrawn = self._standing(name)
        summary: str | None = self._pick("summary", _folded)
        details: str | None = self._pick("details", _folded)
        published: datetime | None = self._pick("published", datetime.date)
        modified = self._latest_modified()
        vectors = self._vectors()
        cvss, vector = self._best(vectors)
        severity = self._severity(cvss)
        exploited: Exploited | None = self._pick("exploited")
        affected = self._affected()
        sources = tuple(sorted({entry.claim.source for entry in self._ordered}))
        confidence, is_unreviewed = self._surety()
        specific = self._specific(state, sources, severity, cvss, exploited, is_unreviewed=is_unreviewed)
        document = Document(
            schema_version=SCHEMA_VERSION,
            id=name,
            # Times are written as such: their encoder takes a tenth of the time of `isoformat`.
            modified=cast(str, modified or published or UNKNOWN_DATE),
            published=cast(str | None, published),
            withdrawn=cast(str | None, withdrawn or (UNKNOWN_DATE if state in _RETRACTED else None)),
            aliases=tuple(other for other in self._names if other != name) if len(self._names) > 1 else (),
            upstream=self._others("upstream", _UPSTREAM),
            related=self._others("related", related_names),
            summary=summary,
            details=details,
            severity=_severities(vectors),
            affected=affected,
            references=self._unite("references", _REFERENCES, _URL),
            credits=self._unite("credits", _CREDITS, _credit),
            # Read back as it stands, written from the Struct itself.
            database_specific=cast(Any, Wrapped(specific)),
        )
        return Merged(
            name=name,
            identifiers=self._names,
            claims=tuple(entry.id for entry in self._ordered),
            state=state,
            summary=summary,
            headline=summary or _beginning(details),
            severity=severity,
            cvss=cvss,
            cvss_vector=vector,
            published=published,
            modified=modified,
            withdrawn=withdrawn,
            exploited=exploited,
            sources=sources,
            confidence=confidence,
            needs_review=is_unreviewed or confidence < self._policy.review_below,
            packages=packages(affected),
            products=() if is_unreviewed else specific.products,
            matches=() if is_unreviewed else match_rows(affected),
            commits=() if is_unreviewed else affected_commits(affected),
            document=_encode(document),
            provenance=self._provenance(),
        )

    def _affected(self) -> tuple[Affected, ...]:
        """The packages, each as the most trusted claim on it says."""
        affected, said_by = merge_affected(self._heard("affected"))
        for key, (by, against) in said_by.items():
            self._fields[key] = Said(by, against) if against else _alone(by)
        return affected

    def _provenance(self) -> bytes:
        labels = tuple(f"{entry.claim.source}:{entry.claim.record_id}" for entry in self._ordered)
        return _encode(Provenance(labels, self._fields))

    def _surety(self) -> tuple[float, bool]:
        """How sure the most trusted claim is, and whether nobody looked at any: that fails nobody's scan."""
        first = self._ordered[0].claim
        return first.confidence, first.reserve is not Reserve.NONE

    def _specific(
        self,
        state: State,
        sources: tuple[str, ...],
        severity: Band | None,
        cvss: Score | None,
        exploited: Exploited | None,
        *,
        is_unreviewed: bool,
    ) -> Specific:
        return Specific(
            state=state,
            sources=sources,
            severity=severity.value if severity is not None else None,
            cvss_score=cvss.value if cvss is not None else None,
            cwe_ids=self._unite("cwe_ids", _CWES, str),
            exploited=exploited,
            products=self._pick("products") or (),
            is_unreviewed=is_unreviewed,
        )

    def _standing(self, name: str) -> tuple[State, datetime | None]:
        """Where the vulnerability stands, and since when it is withdrawn if it is.

        One live claim keeps it published; the CVE list rejecting its id, or a claim calling it disputed, makes
        that disputed. Without a live claim it is rejected where the CVE list says so, else withdrawn.
        """
        statements = self._statements
        live = [entry for entry in statements if not entry.is_retracted]
        is_rejected = any(entry.claim.is_rejected and entry.claim.own == name for entry in statements)
        if live:
            is_disputed = is_rejected or any(entry.claim.is_disputed for entry in live)
            return (State.DISPUTED if is_disputed else State.PUBLISHED), None
        since = max(
            entry.claim.withdrawn or entry.tombstoned_at or entry.claim.modified or _OLDEST
            for entry in statements
        )
        state = State.REJECTED if is_rejected else State.WITHDRAWN
        return state, None if since == _OLDEST else since

    def _latest_modified(self) -> datetime | None:
        """The latest change of any claim, retracted ones included: that one was taken back is news as well."""
        if self._only is not None:
            if self._only.modified is not None:
                self._fields["modified"] = _ALONE[0]
            return self._only.modified
        speaks = self._policy.speaks
        dated = [
            (entry.claim.modified, -place)
            for place, entry in enumerate(self._ordered)
            if entry.claim.modified and entry.id not in self._quiet and speaks(entry.claim, "modified")
        ]
        if not dated:
            return None
        latest, place = max(dated)
        self._fields["modified"] = _alone(-place)
        return latest

    def _vectors(self) -> dict[str, tuple[str, Score]]:
        """The most trusted valid vector of each CVSS version."""
        found: dict[str, tuple[str, Score]] = {}
        by: dict[str, int] = {}
        against: dict[str, list[int]] = {}
        for place, claim in self._heard("cvss"):
            for entry in claim.severity:
                result = score(entry.score) if entry.type.startswith("CVSS") else None
                if result is None:
                    continue
                version: str = result.version
                if version not in found:
                    found[version] = (entry.score, result)
                    by[version] = place
                elif entry.score != found[version][0] and place != by[version]:
                    against.setdefault(version, []).append(place)
        for version, place in by.items():
            others = against.get(version)
            said = Said(place, tuple(dict.fromkeys(others))) if others else _alone(place)
            self._fields[_CVSS_FIELD[version]] = said
        return found

    def _best(self, vectors: Mapping[str, tuple[str, Score]]) -> tuple[Score | None, str | None]:
        for version in self._policy.cvss:
            if version in vectors:
                vector, result = vectors[version]
                return result, vector
        return None, None

    def _severity(self, cvss: Score | None) -> Band | None:
        """The band of the computed score; a source's own word only where no vector is valid."""
        if cvss is not None:
            self._fields["severity"] = self._fields[_CVSS_FIELD[cvss.version]]
            return cvss.band
        bands = [
            (place, band)
            for place, claim in self._heard("severity")
            if claim.severity_word and (band := band_of_word(claim.severity_word)) is not None
        ]
        if not bands:
            return None
        first, band = bands[0]
        self._fields["severity"] = Said(first, tuple(place for place, other in bands if other != band))
        return band

    def _others(self, field: str, read: Callable[[Claim], Sequence[str]]) -> tuple[str, ...]:
        """Names of other vulnerabilities, sorted."""
        if not (
            read(self._only) if self._only is not None else any(read(claim) for _, claim in self._speaking)
        ):
            return ()
        own = self._names
        return tuple(
            sorted(self._unite(field, lambda claim: [name for name in read(claim) if name not in own], str))
        )


_CWES = attrgetter("cwes")
_UPSTREAM = attrgetter("upstream")
_REFERENCES = attrgetter("references")
_CREDITS = attrgetter("credits")
_URL = attrgetter("url")
_ALONE = tuple(Said(place) for place in range(16))


def _distinct(entries: Sequence[Any], key: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The first entry of each key, in order."""
    if len(entries) == 1 or len(set(map(key, entries))) == len(entries):
        return tuple(entries)
    found: dict[Any, Any] = {}
    for entry in entries:
        found.setdefault(key(entry), entry)
    return tuple(found.values())


def _alone(place: int) -> Said:
    """Said by one claim and contradicted by none."""
    return _ALONE[place] if place < len(_ALONE) else Said(place)


def _severities(vectors: Mapping[str, tuple[str, Score]]) -> tuple[Severity, ...]:
    found: dict[str, Severity] = {}
    for version in _SEVERITY_ORDER:
        if version in vectors:
            kind = _SEVERITY_TYPE[version]
            found.setdefault(kind, Severity(kind, vectors[version][0]))
    return tuple(found.values())


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _credit(credit: Credit) -> tuple[str, str | None]:
    return credit.name, credit.type


def _beginning(details: str | None, length: int = 240) -> str:
    """The first line of the details, for a vulnerability that nobody summarised."""
    if not details:
        return ""
    start = details.lstrip()[:length]
    return start.partition("\n")[0]
