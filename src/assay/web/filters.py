"""The filters of a list of vulnerabilities, as a URL writes them; lists, counters, trends and exports take the same."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from assay.catalog.model import State
from assay.catalog.queries import LONGEST_TREND, UNRATED, Filters, Sort
from assay.domain.severity import Band
from assay.kit.db import Connection
from assay.web.monitored import narrowed
from assay.web.parameters import Moment

Severity = Literal["critical", "high", "medium", "low", "none", "unrated"]


class Order(StrEnum):
    """Which way a list goes."""

    DESC = "desc"
    ASC = "asc"


_Text = Annotated[str, Field(max_length=300)]


class FilterQuery(BaseModel):
    """Which vulnerabilities. A filter that is not given lets everything pass; all that are given must be met."""

    q: _Text | None = Field(
        None,
        description='Words of the summary or package names (`"a phrase" -without or`), or an identifier.',
    )
    ecosystem: _Text | None = Field(
        None, description="Affects this ecosystem: `PyPI`, or with a release `Debian:12`."
    )
    package: _Text | None = Field(None, description="Affects this package.")
    severity: list[Severity] | None = Field(None, description="Of this severity; may be given several times.")
    kev: bool | None = Field(None, description="Exploited, as listed in KEV, or not.")
    min_epss: float | None = Field(None, ge=0, le=1, description="An EPSS score of at least this.")
    min_cvss: float | None = Field(None, ge=0, le=10, description="A CVSS score of at least this.")
    source: _Text | None = Field(None, description="This source speaks of it.")
    state: list[State] | None = Field(
        None, description="In this state; may be given several times. Without it published and disputed ones."
    )
    withdrawn: bool = Field(default=False, description="Also what was withdrawn or rejected.")
    needs_review: bool | None = Field(None, description="A person should look at it, or not.")
    remediated: bool | None = Field(None, description="Somebody marked it as remediated, or nobody did.")
    monitored: bool | None = Field(None, description="It touches a product that is watched, or none.")
    since: Moment | None = Field(
        None, description="Modified at or after this moment: `2026-03-01`, or RFC 3339."
    )
    until: Moment | None = Field(None, description="Modified before this moment.")
    published_since: Moment | None = Field(None, description="Published at or after this moment.")
    published_until: Moment | None = Field(None, description="Published before this moment.")

    def filters(self, conn: Connection) -> Filters:
        """The same as the catalog reads it, in this transaction."""
        chosen = Filters(
            text=self.q or None,
            ecosystem=self.ecosystem or None,
            package=self.package or None,
            severities=None if self.severity is None else [_band(one) for one in self.severity],
            exploited=self.kev,
            min_epss=self.min_epss,
            min_cvss=self.min_cvss,
            needs_review=self.needs_review,
            remediated=self.remediated,
            since=self.since,
            until=self.until,
            published_since=self.published_since,
            published_until=self.published_until,
            source=self.source or None,
            states=self.state,
            withdrawn=self.withdrawn,
        )
        return narrowed(conn, chosen, self.monitored)


class SortQuery(FilterQuery):
    """The same, in an order."""

    sort: Sort = Field(Sort.MODIFIED, description="What the list is ordered by.")
    order: Order | None = Field(
        None, description="Which way; without it the largest or newest first, and names from A to Z."
    )

    @property
    def descending(self) -> bool:
        """Whether the largest or newest comes first."""
        return self.sort is not Sort.NAME if self.order is None else self.order is Order.DESC


class ListQuery(SortQuery):
    """The same, a page of them."""

    limit: int = Field(50, ge=1, le=1000, description="Vulnerabilities a page.")
    cursor: Annotated[str, Field(max_length=1000)] | None = Field(
        None, description="Another page: `next_cursor` or `previous_cursor` of this one, with the same order."
    )


class TrendQuery(FilterQuery):
    """The same, over some days."""

    days: int = Field(30, ge=1, le=LONGEST_TREND, description="How many days.")
    to: date | None = Field(None, ge=date(1990, 1, 1), description="The last day; today if not said.")


def _band(severity: Severity) -> Band | None:
    return None if severity == UNRATED else Band(severity)
