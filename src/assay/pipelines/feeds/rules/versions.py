"""Ranges of affected versions and releases with the fix, as a text gives them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from assay.pipelines.feeds.model.extraction import Quote, Range
from assay.pipelines.feeds.rules.version_tails import After, is_denied, said_after
from assay.pipelines.feeds.rules.version_tokens import Token, tokens
from assay.pipelines.feeds.rules.version_words import Says, name_in_front, said_before

_UPPER = (Says.BELOW, Says.UP_TO)
_PLAIN = (Says.NOTHING, Says.VERSION, Says.TO)
_MOST = 400
_FARTHEST = 110
_BREAK = re.compile(r"[.!?](?=\s+[A-Z])|\n[ \t]*\n|\n[ \t]*[-*\u2022]")
_DIRECT = re.compile(
    r"[`*\"')\]]*[\s,(]*(?:(?:up|and|but|all|versions?|releases?|series|branch|either|also|inclusive"
    r"|including|\(inclusive\))\b[\s,(]*){0,3}",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"[`*\"')\]]*\s*(?:(?:\b(?:or|and)\s+)?\b(?:later|newer|above|higher|greater|onwards?|up)\b[)\s]*|\bE?LTS\b\s*)?"
    r"(?:[,;/|&]|\band\b|\bor\b|\bas well as\b|\bplus\b|\n[ \t]*[-*\u2022])"
    r"(?:[\s,;/|&`*\"'(\[:=\u2022-]|\band\b|\bor\b|\bin\b|\bto\b|\bon\b|\bfor\b|\bthe\b|\bversions?\b|\breleases?\b"
    r"|\b[a-z]{0,3}[A-Z][\w.+\u00ae\u2122-]*|\bv\b|\bwith\b|\b[a-z]+[-/_@][\w./-]+){0,12}+",
)
_BETWEEN = re.compile(r"between\b", re.IGNORECASE)
_ALL = re.compile(
    r"\b(?:all|any) (?:known |released |current |existing |published )?(?:versions?"
    r"|releases?)\b(?!\s*(?:of .{0,60})?(?:before|prior|up|through|below|until|from|since|<|earlier"
    r"|to\b|starting|older|between|lower|less|after|later|\u2264|[0-9(v]))",
    re.IGNORECASE,
)
# Code tells versions of everything but the product. Blanks of the same length keep every place.
_FENCED = re.compile(r"(?:^|(?<=\n))[ \t]*```.*?(?:\n[ \t]*```|\Z)", re.DOTALL)


@dataclass(slots=True)
class _Place:
    """A version with what was made of it so far."""

    token: Token
    says: Says
    start: int
    name: str | None
    after: After | None
    is_denied: bool
    is_joined: bool = False
    """It stands in a list with the version before it."""
    is_used: bool = False

    @property
    def version(self) -> str:
        written = " ".join(self.token.written.split())
        bare = written[1:] if written[:1] in "vV" and written[1:2].isdigit() else written
        return bare[:-2] if self.token.is_wild else bare

    @property
    def quote(self) -> Quote:
        return Quote(self.token.start, self.token.end)


def ranges(text: str) -> tuple[Range, ...]:
    """Every range, in the order of the text; exact versions only where the text has no range.

    A release with the fix ends a range as `before` does: both are `fixed`. What is not affected is left out.
    """
    places = _places(_FENCED.sub(lambda match: " " * len(match[0]), text) if "```" in text else text)
    found: list[Range] = []
    exact: list[_Place] = []
    for index, place in enumerate(places):
        if place.is_used or place.is_denied:
            continue
        upper = places[index + 1] if index + 1 < len(places) else None
        if upper is not None and not upper.is_denied and _is_pair(text, place, upper):
            upper.is_used = True
            found.append(_pair(place, upper))
        elif place.says in (*_UPPER, Says.FIXED):
            found.append(_bound(place))
        elif place.says is Says.FROM:
            found.append(_open(place))
        else:
            exact.append(place)
    found = _told_twice(found)
    if not any(one.fixed or one.last_affected for one in found):
        found += [_exact(place) for place in exact if _is_named(text, place)]
    if not found:
        found += [
            Range(introduced="0", confidence=_ALL_VERSIONS, quotes=(Quote(all_.start(), all_.end()),))
            for all_ in _ALL.finditer(text)
        ][:1]
    return _sure(_distinct(found))


# How often each kind was right on 6,000 CVE and GHSA texts published before July 2024, where they have their bounds:
# a pair of ends, one end, a release with the fix, an end told from both sides; what is less where there are many.
_PAIR, _ONE, _FIX, _TWICE = 0.91, 0.9, 0.87, 0.97
_AMONG_MANY = 0.87
_MANY = 3
# These have no upper end to compare with; single versions were right where the record has only such in 76 of 100.
_OPEN, _SINGLE, _ALL_VERSIONS = 0.5, 0.75, 0.6


def _sure(found: tuple[Range, ...]) -> tuple[Range, ...]:
    if len(found) <= _MANY:
        return found
    return tuple(
        msgspec.structs.replace(one, confidence=round(one.confidence * _AMONG_MANY, 3)) for one in found
    )


def _places(text: str) -> list[_Place]:
    places: list[_Place] = []
    floor = 0
    for token in tokens(text):
        said = said_before(text, token.start, floor)
        name = said.name or name_in_front(text, min(said.start, token.start), floor)
        after = said_after(text, token.end)
        place = _Place(token, said.what, said.start, name, after, is_denied(text, token.start))
        if _is_no_version(text, places, place):
            continue
        _weigh(place)
        places.append(place)
        floor = token.end
        if len(places) == _MOST:
            break
    _join(text, places)
    return places


_DATE = re.compile(
    r"(?:19|20)[0-9]{2}[-.](?:0[1-9]|1[0-2])[-.](?:0[1-9]|[12][0-9]|3[01])|[0-3]?[0-9]\.[01]?[0-9]\.(?:19|20)[0-9]{2}"
)


def _is_no_version(text: str, places: Sequence[_Place], place: _Place) -> bool:
    """Whether a plain number or a date stands alone, without words that make it a version."""
    if _DATE.fullmatch(place.token.written):
        return place.says in {Says.NOTHING, Says.TO, Says.FROM} and place.after is None
    is_plain = place.says in {Says.NOTHING, Says.TO} and place.after is None
    return place.token.is_bare and is_plain and not _may_join(text, places, place.token)


def _may_join(text: str, places: Sequence[_Place], token: Token) -> bool:
    """Whether a plain number goes on a list or range of versions: `versions 7, 8 and 9`, `9 to 11`."""
    if not places or token.start - places[-1].token.end > 40:
        return False
    gap = text[places[-1].token.end : token.start]
    return _LIST.fullmatch(gap) is not None or gap.strip() in {"to", "-", "\u2013"}


def _weigh(place: _Place) -> None:
    """What the words after a version change in what those before it say."""
    after = place.after
    if after is After.EARLIER and place.says is not Says.FIXED:
        place.says = Says.UP_TO
    elif after is After.EXCLUDED and place.says in {Says.UP_TO, Says.TO}:
        place.says = Says.BELOW
    elif after is After.INCLUDED and place.says is Says.BELOW:
        place.says = Says.UP_TO
    elif after is After.LATER and place.says in {Says.NOTHING, Says.VERSION}:
        place.says = Says.FROM
    elif after in {After.FIXES, After.PATCHED} and place.says in _PLAIN:
        place.says = Says.FIXED
    # What is not affected from a version on, is fixed there.
    if place.is_denied and place.says is Says.FROM:
        place.says, place.is_denied = Says.FIXED, False


def _join(text: str, places: list[_Place]) -> None:
    """Lets the members of a list say what one of them says: `before 1.2, 1.3 and 1.4`; `1.2 and 1.3 contain a fix`."""
    for index in range(1, len(places)):
        place, before = places[index], places[index - 1]
        follows = places[index + 1] if index + 1 < len(places) else None
        may_join = place.says in _PLAIN or _is_one_more(before, place)
        place.is_joined = may_join and _is_list(text, before, place)
        if (
            place.is_joined
            and before.says in {*_UPPER, Says.FIXED}
            and not (follows and _is_pair(text, place, follows))
        ):
            place.says, place.is_denied = before.says, before.is_denied
    for index in range(len(places) - 2, -1, -1):
        place, follows = places[index], places[index + 1]
        if (follows.is_joined or _is_list(text, place, follows)) and (
            place.says in {Says.NOTHING, Says.VERSION}
            and follows.after in {After.EARLIER, After.FIXES}
            and follows.says in {Says.UP_TO, Says.FIXED}
        ):
            place.says, place.after = follows.says, follows.after


def _is_one_more(before: _Place, place: _Place) -> bool:
    """Whether `1.4 or later` goes on a list of releases with the fix: `upgrade to 1.3.2 or 1.4 or later`."""
    return before.says is Says.FIXED and place.says is Says.FROM and place.after is After.LATER


def _is_list(text: str, place: _Place, follows: _Place) -> bool:
    gap = text[place.token.end : follows.token.start]
    return len(gap) <= 60 and _LIST.fullmatch(gap) is not None


def _is_pair(text: str, lower: _Place, upper: _Place) -> bool:
    """Whether two versions are the ends of one range: `1.0 to 1.5`, `from 2.0 before 2.3`."""
    gap = text[lower.token.end : upper.token.start]
    if len(gap) > _FARTHEST or _BREAK.search(gap) or lower.says in {*_UPPER, Says.FIXED}:
        return False
    if upper.says not in {*_UPPER, Says.TO, Says.FIXED}:
        return False
    joint = gap.strip(" \n,;`*\"'()").casefold()
    is_and = joint.startswith(("and", "or", "&"))
    if lower.says is Says.FROM:
        # "between 1 and 2" is a range, "since 1 and 2" is not.
        return upper.says is not Says.TO or not is_and or _BETWEEN.match(text, lower.start) is not None
    if upper.says is Says.FIXED or upper.after is After.EARLIER or (upper.says is Says.TO and is_and):
        return False
    between = text[lower.token.end : max(lower.token.end, upper.start)]
    return _DIRECT.fullmatch(between) is not None and not _is_list(text, lower, upper)


def _pair(lower: _Place, upper: _Place) -> Range:
    ends_before = upper.says in {Says.BELOW, Says.FIXED}
    return Range(
        introduced=lower.version,
        fixed=upper.version if ends_before else None,
        last_affected=None if ends_before else upper.version,
        product=upper.name or lower.name,
        confidence=_PAIR,
        quotes=(Quote(min(lower.start, lower.token.start), upper.token.end),),
    )


def _bound(place: _Place) -> Range:
    is_last = place.says is Says.UP_TO
    return Range(
        fixed=None if is_last else place.version,
        last_affected=place.version if is_last else None,
        product=place.name,
        confidence=_FIX if place.says is Says.FIXED else _ONE,
        quotes=(Quote(min(place.start, place.token.start), place.token.end),),
    )


def _open(place: _Place) -> Range:
    return Range(introduced=place.version, product=place.name, confidence=_OPEN, quotes=(place.quote,))


def _exact(place: _Place) -> Range:
    return Range(exact=place.version, product=place.name, confidence=_SINGLE, quotes=(place.quote,))


_AFFECTED = re.compile(
    r"affect|vulnerab|discovered|found in|issue|flaw|allows?\b|via\b|contain|suffer|impact|injection"
    r"|overflow|inject|scripting",
    re.IGNORECASE,
)


def _is_named(text: str, place: _Place) -> bool:
    """Whether a version without a bound is one that is affected, and not one of many numbers."""
    if place.token.is_bare and place.says is not Says.VERSION and not place.is_joined:
        return False
    start, end = max(0, place.token.start - 200), place.token.end + 120
    return _AFFECTED.search(text, start, end) is not None


def _told_twice(found: Sequence[Range]) -> list[Range]:
    """One range where a text names both the last affected version and the release with the fix of one series."""
    fixes = [one for one in found if one.fixed and one.introduced is None]
    kept = [one for one in found if one not in fixes]
    for fix in fixes:
        place = _same_series(kept, fix.fixed or "")
        if place is None:
            kept.append(fix)
            continue
        last = kept[place]
        kept[place] = msgspec.structs.replace(
            last,
            fixed=fix.fixed,
            last_affected=None,
            last_named=last.last_affected,
            product=last.product or fix.product,
            confidence=_TWICE,
            quotes=(*last.quotes, *fix.quotes),
        )
    return kept


def _same_series(kept: Sequence[Range], fixed: str) -> int | None:
    """The range whose last affected version is the highest below the fix; of the same series among several."""
    best: tuple[tuple[int, ...], int] | None = None
    wanted = _numbers(fixed)
    ends = [(place, _numbers(one.last_affected)) for place, one in enumerate(kept) if one.last_affected]
    for place, numbers in ends:
        is_alike = len(ends) == 1 or numbers[:1] == wanted[:1]
        if is_alike and numbers < wanted and (best is None or numbers > best[0]):
            best = numbers, place
    return None if best is None else best[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number[:9]) for number in _NUMBER.findall(version))


_NUMBER = re.compile(r"[0-9]+")


def _distinct(found: Sequence[Range]) -> tuple[Range, ...]:
    """Each range once with all its quotes; a lone end that is also the end of a whole range is that range."""
    whole: dict[tuple[str | None, ...], Range] = {}
    for one in _sorted(found):
        key = (one.introduced, one.fixed, one.last_affected, one.exact)
        same = whole.get(key)
        if same is None and one.introduced is None and one.exact is None:
            same = next((other for other in whole.values() if _ends(other) == _ends(one)), None)
        if same is None:
            whole[key] = one
        else:
            key = (same.introduced, same.fixed, same.last_affected, same.exact)
            whole[key] = msgspec.structs.replace(
                same,
                product=same.product or one.product,
                confidence=max(same.confidence, one.confidence),
                quotes=tuple(sorted({*same.quotes, *one.quotes}, key=lambda quote: (quote.start, quote.end))),
            )
    return tuple(sorted(whole.values(), key=lambda one: one.quotes[0].start))


def _sorted(found: Sequence[Range]) -> Iterator[Range]:
    yield from (one for one in found if one.introduced is not None)
    yield from (one for one in found if one.introduced is None)


def _ends(one: Range) -> tuple[str | None, ...]:
    return one.fixed, one.last_affected, one.exact
