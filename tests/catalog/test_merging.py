"""Merging: per field the most trusted word, whatever the order of arrival, and everybody's word is accounted for."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.catalog.model import Claim, Evidence, Exploited, Product, Reserve, State
from assay.catalog.rules.affected import package_key
from assay.catalog.rules.explaining import explain_fields, value_of
from assay.catalog.rules.merging import (
    UNKNOWN_DATE,
    Held,
    Merged,
    Provenance,
    Specific,
    merge,
    preferred_name,
)
from assay.domain.osv import Credit, Document
from assay.domain.severity import Band, score
from factories import (
    NOW,
    SOURCES,
    V2,
    V30,
    V31,
    V31_LOW,
    V40,
    a_claim,
    a_policy,
    a_reference,
    a_severity,
    a_time,
    an_affected,
)

POLICY = a_policy()
_DOCUMENT_FIELDS = ("summary", "details", "published", "upstream", "related", "references", "credits")
NAMES = ("CVE-2024-1000", "GHSA-aaaa-aaaa-aaaa", "GO-2024-1", "PYSEC-2024-1")


def decoded(merged: Merged) -> tuple[Document, Specific, Provenance]:
    document = msgspec.json.decode(merged.document, type=Document)
    assert document.database_specific is not None
    specific = msgspec.json.decode(document.database_specific, type=dict[str, Specific])["assay"]
    return document, specific, msgspec.json.decode(merged.provenance, type=Provenance)


def held(*claims: Claim) -> list[Held]:
    return [Held(number, claim) for number, claim in enumerate(claims, start=1)]


def merged(*claims: Claim | Held, names: tuple[str, ...] | None = None, policy=POLICY) -> Merged:
    entries = [c if isinstance(c, Held) else Held(number, c) for number, c in enumerate(claims, start=1)]
    if names is None:
        names = tuple(sorted({name for entry in entries for name in entry.claim.identifiers}))
    return merge(names, entries, policy)


moments = st.none() | st.integers(-20_000, 500).map(a_time)
severities = st.lists(st.sampled_from([V2, V30, V31, V31_LOW, V40, "CVSS:3.1/AV:N", ""]), max_size=3).map(
    lambda vectors: tuple(map(a_severity, vectors))
)
affecteds = st.lists(
    st.builds(
        an_affected,
        st.sampled_from(["a", "b"]),
        ecosystem=st.sampled_from(["PyPI", "npm"]),
        fixed=st.sampled_from([None, "1", "2", "v1"]),
        versions=st.lists(st.sampled_from(["0.1", "0.2"]), max_size=2, unique=True),
    ),
    max_size=3,
).map(tuple)
words = st.none() | st.sampled_from(["one", "One ", "two", "three"])


@st.composite
def claims(draw: st.DrawFn, sources: tuple[str, ...] = SOURCES) -> Claim:
    own = draw(st.sampled_from((None, *NAMES)))
    aliases = [
        name
        for name in draw(st.lists(st.sampled_from((*NAMES, "CVE-2024-2000")), max_size=3, unique=True))
        if name != own
    ]
    return Claim(
        source=draw(st.sampled_from(sources)),
        record_id="to be numbered",
        own=own,
        aliases=tuple(aliases),
        upstream=tuple(draw(st.lists(st.sampled_from(["U-1", "U-2", *NAMES]), max_size=2))),
        related=tuple(draw(st.lists(st.sampled_from(["R-1", *NAMES]), max_size=2))),
        published=draw(moments),
        modified=draw(moments),
        withdrawn=draw(moments),
        is_rejected=draw(st.booleans()),
        is_disputed=draw(st.booleans()),
        summary=draw(words),
        details=draw(words),
        severity=draw(severities),
        severity_word=draw(st.none() | st.sampled_from(["HIGH", "moderate", "nonsense"])),
        affected=draw(affecteds),
        products=draw(st.sampled_from([(), (Product(vendor="v"),), (Product(vendor="w"),)])),
        references=draw(
            st.sampled_from([(), (a_reference(),), (a_reference("https://example.org/2"), a_reference())])
        ),
        cwes=draw(st.sampled_from([(), ("CWE-79",), ("CWE-89", "CWE-79")])),
        credits=draw(st.sampled_from([(), (Credit("A"),), (Credit("B", "FINDER"),)])),
        exploited=draw(
            st.none() | st.sampled_from([Exploited(date(2024, 1, 1)), Exploited(date(2024, 2, 1))])
        ),
        confidence=draw(st.sampled_from([1.0, 0.9, 0.5])),
    )


@st.composite
def several(draw: st.DrawFn, sources: tuple[str, ...] = SOURCES, *, all_live: bool = False) -> list[Held]:
    found = draw(st.lists(claims(sources), min_size=1, max_size=4))
    live = {"withdrawn": None, "is_rejected": False} if all_live else {}
    tombstones = st.none() if all_live else st.none() | st.just(NOW)
    return [
        Held(number, msgspec.structs.replace(claim, record_id=f"r{number}", **live), draw(tombstones))
        for number, claim in enumerate(found, start=1)
    ]


# A merge has a dozen independent fields: few examples of many fields try each often enough.
few = settings(max_examples=50)


@few
@given(several(), st.randoms(use_true_random=False))
def test_the_order_of_claims_does_not_matter_to_a_single_byte(entries: list[Held], random):
    first = merge(NAMES, entries, POLICY)
    random.shuffle(entries)
    assert merge(NAMES, entries, POLICY) == first


@few
@given(several())
def test_the_keys_of_claims_are_not_in_the_document(entries: list[Held]):
    first = merge(NAMES, entries, POLICY)
    rekeyed = merge(
        NAMES, [Held(1000 - entry.id, entry.claim, entry.tombstoned_at) for entry in entries], POLICY
    )
    assert (rekeyed.document, rekeyed.provenance) == (first.document, first.provenance)
    assert rekeyed.claims == tuple(1000 - claim for claim in first.claims)


@few
@given(several())
def test_the_document_is_a_sound_osv_record(entries: list[Held]):
    result = merge(NAMES, entries, POLICY)
    document, specific, _ = decoded(result)
    assert msgspec.json.encode(document) == result.document
    assert document.id == result.name
    assert document.id not in document.aliases
    for listed in (document.aliases, document.upstream, document.related, specific.cwe_ids):
        assert len(set(listed)) == len(listed)
    assert {document.id, *document.aliases} == set(NAMES)
    assert not {document.id, *document.aliases}.intersection((*document.upstream, *document.related))
    for moment in (document.modified, document.published, document.withdrawn):
        assert moment is None or (moment.endswith("Z") and datetime.fromisoformat(moment).tzinfo is not None)
    assert specific.state == result.state
    assert list(specific.sources) == sorted({entry.claim.source for entry in entries})


@few
@given(several())
def test_every_field_names_claims_that_said_it(entries: list[Held]):
    result = merge(NAMES, entries, POLICY)
    document, specific, provenance = decoded(result)
    by_label = {f"{entry.claim.source}:{entry.claim.record_id}": entry for entry in entries}
    assert sorted(provenance.claims) == sorted(by_label)
    assert [entry.id for label in provenance.claims for entry in [by_label[label]]] == list(result.claims)
    for field, said in provenance.fields.items():
        places = (said.by, *said.against, *said.also)
        assert len(set(places)) == len(places), f"{field}: {said}"
        for place in places:
            claim = by_label[provenance.claims[place]].claim
            assert value_of(claim, field) not in (None, [], ()), f"{field} by {claim}"
        assert not (said.against and said.also)
    present = {field for field in _DOCUMENT_FIELDS if getattr(document, field)}
    present |= {
        field for field in ("cwe_ids", "exploited", "products", "severity") if getattr(specific, field)
    }
    present |= {f"affected/{'/'.join(package_key(entry))}" for entry in document.affected}
    present |= {f"cvss/{found.version}" for entry in document.severity if (found := score(entry.score))}
    assert present <= provenance.fields.keys()
    speaking = {word.field for word in explain_fields(provenance, {k: v.claim for k, v in by_label.items()})}
    assert speaking == provenance.fields.keys()


@few
@given(several())
def test_a_field_that_its_setter_said_differently_would_be_different(entries: list[Held]):
    """What stands in the document is what the claim that the provenance names says."""
    result = merge(NAMES, entries, POLICY)
    document, specific, provenance = decoded(result)
    by_label = {f"{entry.claim.source}:{entry.claim.record_id}": entry.claim for entry in entries}

    def said(field: str) -> Claim:
        return by_label[provenance.claims[provenance.fields[field].by]]

    for field in ("summary", "details"):
        if field in provenance.fields:
            assert getattr(document, field) == getattr(said(field), field)
    if "published" in provenance.fields:
        assert result.published == said("published").published
    if "exploited" in provenance.fields:
        assert specific.exploited == said("exploited").exploited == result.exploited
    if "products" in provenance.fields:
        assert specific.products == said("products").products
    for entry in document.severity:
        version = score(entry.score).version
        assert entry.score in {one.score for one in said(f"cvss/{version}").severity}
    for key in {package_key(entry) for entry in document.affected}:
        theirs = [entry for entry in document.affected if package_key(entry) == key]
        assert theirs == [e for e in said("affected/" + "/".join(key)).affected if package_key(e) == key]


@few
@given(several())
def test_nothing_retracted_speaks_while_a_claim_is_live(entries: list[Held]):
    live = [
        entry
        for entry in entries
        if not entry.is_retracted and entry.claim.source not in POLICY.speaks_only_for
    ]
    if not live:
        return
    _, _, provenance = decoded(merge(NAMES, entries, POLICY))
    retracted = {f"{e.claim.source}:{e.claim.record_id}" for e in entries if e.is_retracted}
    for field, said in provenance.fields.items():
        if field != "modified":
            heard = {provenance.claims[place] for place in (said.by, *said.against, *said.also)}
            assert not heard & retracted, field


@few
@given(several(("osv", "gitlab", "cve", "extraction"), all_live=True), claims())
def test_a_less_trusted_source_changes_no_field_on_which_a_more_trusted_one_speaks(
    entries: list[Held], extra: Claim
):
    before, before_specific, before_provenance = decoded(merge(NAMES, entries, POLICY))
    extra = msgspec.structs.replace(extra, source="record", record_id="extra")
    after, after_specific, after_provenance = decoded(merge(NAMES, [*entries, Held(99, extra)], POLICY))
    assert after_provenance.claims[: len(entries)] == before_provenance.claims
    for field, said in before_provenance.fields.items():
        # The severity is of the version that is shown; another claim may bring a version that ranks higher.
        if field not in ("modified", "severity"):
            assert after_provenance.fields[field].by == said.by, field
    for field in ("summary", "details", "published"):
        assert getattr(before, field) in (None, getattr(after, field))
    assert before_specific.exploited in (None, after_specific.exploited)
    assert before.references == after.references[: len(before.references)]
    spoken_of = {package_key(entry) for entry in before.affected}
    assert [entry for entry in after.affected if package_key(entry) in spoken_of] == list(before.affected)


@few
@given(several())
def test_kev_sets_nothing_but_that_it_is_exploited(entries: list[Held]):
    def is_kev(entry: Held) -> bool:
        return entry.claim.source == "kev"

    others = [entry for entry in entries if not is_kev(entry)]
    if not others or not any(map(is_kev, entries)):
        return
    with_kev, specific, provenance = decoded(merge(NAMES, entries, POLICY))
    without, specific_without, _ = decoded(merge(NAMES, others, POLICY))
    kev = {place for place, label in enumerate(provenance.claims) if label.startswith("kev:")}
    for field, said in provenance.fields.items():
        if field != "exploited":
            assert not kev.intersection((said.by, *said.against, *said.also)), field

    def plain(document: Document) -> dict[str, Any]:
        return {
            field: getattr(document, field)
            for field in document.__struct_fields__
            if field != "database_specific"
        }

    assert plain(with_kev) == plain(without)
    assert specific.state == specific_without.state
    assert specific.cwe_ids == specific_without.cwe_ids


def test_a_withdrawn_record_keeps_its_words_when_it_is_known_as_exploited():
    """KEV says nothing on whether a record stands: being live, it must not silence all that was retracted."""
    record = a_claim("CVE-2024-1000", summary="Bad", withdrawn=a_time(9), affected=(an_affected(),))
    kev = a_claim("CVE-2024-1000", source="kev", exploited=Exploited(date(2024, 1, 1)))
    document, specific, _ = decoded(merged(record, kev))
    assert specific.state == State.WITHDRAWN
    assert document.summary == "Bad"
    assert document.affected == record.affected
    assert specific.exploited == kev.exploited


def test_what_cisa_took_back_counts_no_more_even_where_all_is_withdrawn():
    withdrawn = a_claim("CVE-2024-1000", summary="Bad", withdrawn=a_time(9))
    kev = a_claim("CVE-2024-1000", source="kev", exploited=Exploited(date(2024, 1, 1)))
    assert merged(withdrawn, Held(9, kev, tombstoned_at=a_time(4))).exploited is None


LIVE = a_claim("GHSA-aaaa-aaaa-aaaa", aliases=["CVE-2024-1000"], modified=a_time(1))
DISPUTED = msgspec.structs.replace(LIVE, is_disputed=True)
WITHDRAWN = a_claim("PYSEC-2024-1", aliases=["CVE-2024-1000"], withdrawn=a_time(7))
REJECTED = a_claim("CVE-2024-1000", source="cve", is_rejected=True, withdrawn=a_time(3))
GONE = Held(8, a_claim("GO-2024-1", aliases=["CVE-2024-1000"], modified=a_time(2)), tombstoned_at=a_time(5))
EXPLOITED = a_claim("CVE-2024-1000", source="kev", exploited=Exploited(date(2024, 1, 1)))


@pytest.mark.parametrize(
    ("said", "state", "since"),
    [
        ([LIVE], State.PUBLISHED, None),
        ([LIVE, WITHDRAWN], State.PUBLISHED, None),
        ([LIVE, GONE], State.PUBLISHED, None),
        ([DISPUTED], State.DISPUTED, None),
        ([LIVE, msgspec.structs.replace(DISPUTED, record_id="x", source="cve")], State.DISPUTED, None),
        ([LIVE, msgspec.structs.replace(WITHDRAWN, is_disputed=True)], State.PUBLISHED, None),
        ([LIVE, REJECTED], State.DISPUTED, None),
        ([WITHDRAWN], State.WITHDRAWN, a_time(7)),
        ([GONE], State.WITHDRAWN, a_time(5)),
        ([WITHDRAWN, GONE], State.WITHDRAWN, a_time(7)),
        ([WITHDRAWN, msgspec.structs.replace(DISPUTED, withdrawn=a_time(8))], State.WITHDRAWN, a_time(8)),
        ([REJECTED], State.REJECTED, a_time(3)),
        ([REJECTED, WITHDRAWN], State.REJECTED, a_time(7)),
        ([REJECTED, GONE], State.REJECTED, a_time(5)),
        ([EXPLOITED], State.PUBLISHED, None),
        ([EXPLOITED, WITHDRAWN], State.WITHDRAWN, a_time(7)),
        ([EXPLOITED, REJECTED], State.REJECTED, a_time(3)),
        ([EXPLOITED, LIVE], State.PUBLISHED, None),
        ([Held(1, EXPLOITED, tombstoned_at=a_time(4))], State.WITHDRAWN, a_time(4)),
    ],
)
def test_where_a_vulnerability_stands(said: list[Any], state: State, since: datetime | None):
    result = merged(*said)
    document, specific, _ = decoded(result)
    assert (result.state, result.withdrawn) == (state, since)
    assert specific.state == state
    assert document.withdrawn == (since and since.strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_what_is_withdrawn_says_so_even_when_nobody_knows_since_when():
    """A reader of OSV knows only `withdrawn`; without it the record would count as standing."""
    document, _, _ = decoded(merged(a_claim("CVE-2024-1000", source="cve", is_rejected=True)))
    assert document.withdrawn == UNKNOWN_DATE


def test_a_rejected_record_on_another_name_rejects_nothing():
    """A CVE record that was rejected as a duplicate names the one that stands; only its own id is rejected."""
    other = a_claim(
        "CVE-2024-2000", source="cve", aliases=["CVE-2024-1000"], is_rejected=True, withdrawn=a_time(1)
    )
    assert merged(other, WITHDRAWN, names=("CVE-2024-1000", "PYSEC-2024-1")).state == State.WITHDRAWN


@pytest.mark.parametrize(
    ("vectors", "shown", "band"),
    [
        ([V31], ("3.1", 9.8, V31), Band.CRITICAL),
        ([V2, V30], ("3.0", 5.3, V30), Band.MEDIUM),
        ([V30, V31_LOW], ("3.1", 1.8, V31_LOW), Band.LOW),
        ([V31_LOW, V40], ("4.0", 9.3, V40), Band.CRITICAL),
        ([V2], ("2.0", 7.5, V2), Band.HIGH),
        (["CVSS:3.1/AV:N", V2], ("2.0", 7.5, V2), Band.HIGH),
    ],
)
def test_the_score_is_computed_from_the_vector(vectors: list[str], shown: tuple[str, float, str], band: Band):
    result = merged(a_claim(severity=tuple(map(a_severity, vectors)), severity_word="LOW"))
    assert (result.cvss.version, result.cvss.value, result.cvss_vector) == shown
    assert result.severity is band
    _, specific, _ = decoded(result)
    assert (specific.severity, specific.cvss_score) == (band.value, shown[1])


def test_a_word_counts_only_without_a_valid_vector():
    worded = a_claim(severity=(a_severity("CVSS:3.1/AV:N"),), severity_word="MODERATE")
    result = merged(worded)
    assert (result.severity, result.cvss, result.cvss_vector) == (Band.MEDIUM, None, None)
    scored = a_claim("GHSA-aaaa-aaaa-aaaa", source="cve", severity=(a_severity(V31),))
    assert merged(worded, scored).severity is Band.CRITICAL
    assert merged(a_claim(severity_word="Untriaged")).severity is None


def test_cvss_3_stands_first_among_the_severities():
    """Strict clients read the first entry only."""
    document, _, _ = decoded(
        merged(a_claim(severity=(a_severity(V2), a_severity(V40), a_severity(V30), a_severity(V31))))
    )
    assert [(entry.type, entry.score) for entry in document.severity] == [
        ("CVSS_V3", V31),
        ("CVSS_V4", V40),
        ("CVSS_V2", V2),
    ]


def test_who_disagrees_on_a_score_is_written_down():
    ours = a_claim("GHSA-aaaa-aaaa-aaaa", severity=(a_severity(V31),))
    theirs = a_claim("GHSA-aaaa-aaaa-aaaa", source="gitlab", record_id="g", severity=(a_severity(V31_LOW),))
    agreeing = a_claim("GHSA-aaaa-aaaa-aaaa", source="cve", severity=(a_severity(V31),))
    _, _, provenance = decoded(merged(theirs, agreeing, ours))
    assert provenance.claims == ("osv:GHSA-aaaa-aaaa-aaaa", "gitlab:g", "cve:GHSA-aaaa-aaaa-aaaa")
    assert provenance.fields["cvss/3.1"].by == 0
    assert provenance.fields["cvss/3.1"].against == (1,)
    assert provenance.fields["severity"] == provenance.fields["cvss/3.1"]


def test_blanks_and_case_are_no_disagreement_and_another_hour_is_none():
    ours = a_claim(summary="A  bad\nthing", published=a_time(1))
    theirs = a_claim(source="cve", summary="a bad thing", published=a_time(1) + timedelta(hours=5))
    _, _, provenance = decoded(merged(ours, theirs))
    assert provenance.fields["summary"].against == ()
    assert provenance.fields["published"].against == ()
    other = a_claim(source="cve", summary="another", published=a_time(2))
    _, _, provenance = decoded(merged(ours, other))
    assert provenance.fields["summary"].against == (1,)
    assert provenance.fields["published"].against == (1,)


def test_modified_is_the_latest_and_unknown_where_nobody_knows():
    result = merged(
        a_claim(modified=a_time(1)), a_claim(source="cve", modified=a_time(5)), a_claim(source="gitlab")
    )
    assert result.modified == a_time(5)
    unknown = merged(a_claim())
    document, _, _ = decoded(unknown)
    assert unknown.modified is None
    assert document.modified == UNKNOWN_DATE
    document, _, _ = decoded(merged(a_claim(published=a_time(3))))
    assert document.modified == "2024-01-04T00:00:00Z"


def test_times_of_odd_years_are_written_as_the_schema_wants_them():
    early = datetime(2, 1, 1, tzinfo=UTC)
    document, _, _ = decoded(
        merged(a_claim(published=early, modified=datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)))
    )
    assert (document.published, document.modified) == ("0002-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (dict(source="osv"), dict(source="gitlab")),
        (dict(source="gitlab"), dict(source="cve")),
        (dict(source="cve"), dict(source="extraction")),
        (dict(source="extraction"), dict(source="record")),
        (dict(source="record"), dict(source="unheard of")),
        (dict(source="record"), dict(source="osv", withdrawn=a_time(1))),
        (dict(confidence=0.9), dict(confidence=0.8, modified=a_time(9))),
        (dict(modified=a_time(2)), dict(modified=a_time(1))),
        (dict(modified=a_time(-30000)), dict()),
        (dict(own="GHSA-b"), dict(own="GHSA-a", aliases=["CVE-2024-1000", "CVE-2024-2000"], confidence=1.0)),
        (dict(own="GHSA-a"), dict(own="GHSA-b")),
    ],
)
def test_whose_word_counts(first: dict[str, Any], second: dict[str, Any]):
    winner = a_claim(**({"own": "GHSA-a"} | first), summary="first")
    loser = a_claim(**({"own": "GHSA-a", "record_id": "z"} | second), summary="second")
    for order in ((winner, loser), (loser, winner)):
        assert merged(*order).summary == "first"


def test_confidence_asks_for_review():
    assert not merged(a_claim(confidence=0.8)).needs_review
    low = merged(a_claim(source="extraction", confidence=0.79))
    assert (low.needs_review, low.confidence) == (True, 0.79)
    assert not merged(a_claim(source="extraction", confidence=0.1), a_claim()).needs_review


def test_siblings_of_a_bundle_are_related_and_no_aliases():
    bundle = a_claim(
        "RUSTSEC-2021-0001", aliases=["CVE-2021-1000", "CVE-2021-2000"], related=["CVE-2021-3000"]
    )
    document, _, _ = decoded(merged(bundle, names=("CVE-2021-2000",)))
    assert document.aliases == ()
    assert document.related == ("CVE-2021-1000", "CVE-2021-3000")


@pytest.mark.parametrize(
    ("names", "preferred"),
    [
        (("GHSA-a", "CVE-2024-10000", "CVE-2024-9999"), "CVE-2024-9999"),
        (("PYSEC-1", "GHSA-b", "GHSA-a"), "GHSA-a"),
        (("X-1", "BIT-1", "OSV-1"), "OSV-1"),
        (("Z-1", "X-1"), "X-1"),
        (("CVE-2014-4671A", "GHSA-a"), "CVE-2014-4671A"),
        (("CVE-2014-4671A", "CVE-2014-4671"), "CVE-2014-4671"),
    ],
)
def test_the_name_a_vulnerability_goes_by(names: tuple[str, ...], preferred: str):
    assert preferred_name(names, POLICY) == preferred


def test_the_headline_is_the_summary_or_the_first_line():
    assert merged(a_claim(summary="S", details="D")).headline == "S"
    assert merged(a_claim(details="\n  First line\nsecond")).headline == "First line"
    assert merged(a_claim()).headline == ""


def an_extraction(record: str = "r", reserve: Reserve = Reserve.UNREVIEWED, **fields: Any) -> Claim:
    values: dict[str, Any] = {"own": "CVE-2024-1000", "summary": "read in a feed", "confidence": 0.6}
    return a_claim(source="extraction", record_id=record, reserve=reserve, **(values | fields))


def test_what_nobody_reviewed_is_shown_asks_for_review_and_matches_nothing():
    guess = an_extraction(affected=(an_affected("a", fixed="2"),), confidence=0.95)
    found = merged(guess)
    assert (found.summary, found.needs_review, found.state) == ("read in a feed", True, State.PUBLISHED)
    assert (len(decoded(found)[0].affected), found.matches) == (1, ())
    reviewed = merged(msgspec.structs.replace(guess, reserve=Reserve.NONE))
    assert (reviewed.needs_review, len(reviewed.matches)) == (False, 1)


def test_what_is_held_back_sets_nothing_beside_what_is_not():
    later = an_extraction(affected=(an_affected("b"),), modified=a_time(400), published=a_time(1))
    known = a_claim(source="cve", own="CVE-2024-1000", summary="known", modified=a_time(2))
    both, alone = merged(later, known), merged(known)
    assert (both.summary, both.needs_review, both.confidence) == ("known", False, 1.0)
    assert (both.packages, both.published, both.modified) == (alone.packages, None, alone.modified)
    assert both.sources == ("cve", "extraction")
    # A rejected CVE stays rejected, whatever a feed says.
    rejected = merged(msgspec.structs.replace(known, is_rejected=True), later)
    assert rejected.state is State.REJECTED


def test_of_two_extractions_the_skipped_one_sets_nothing():
    better = an_extraction("better", Reserve.UNREVIEWED, confidence=0.6)
    worse = an_extraction(
        "worse", Reserve.SKIPPED, confidence=0.9, details="more", references=(a_reference(),)
    )
    found = merged(worse, better)
    document, _, provenance = decoded(found)
    assert (document.details, document.references, found.confidence) == (None, (), 0.6)
    assert provenance.claims == ("extraction:better", "extraction:worse")


def test_kev_marks_what_only_an_unreviewed_extraction_describes():
    listed = a_claim(source="kev", own="CVE-2024-1000", exploited=Exploited(date(2024, 1, 1)))
    found = merged(listed, an_extraction())
    assert (found.summary, found.exploited is not None, found.needs_review) == ("read in a feed", True, True)


def test_what_a_person_decided_outranks_the_extraction_and_its_quotes_are_told():
    person = a_claim(source="person", own="CVE-2024-1000", summary="as ada has it", said_by="ada")
    guess = an_extraction(
        reserve=Reserve.NONE, confidence=1.0, modified=a_time(400), said_by="a feed",
        evidence=(Evidence("summary", "a quote"), Evidence("affected", "another")),
    )  # fmt: skip
    found = merged(guess, person)
    assert found.summary == "as ada has it"
    provenance = decoded(found)[2]
    labels = {f"{one.source}:{one.record_id}": one for one in (guess, person)}
    (word,) = [one for one in explain_fields(provenance, labels) if one.field == "summary"]
    assert (word.by.said_by, word.by.quotes) == ("ada", ())
    assert (word.against[0].said_by, word.against[0].quotes) == ("a feed", ("a quote",))
