"""Affected ranges in each package type's own syntax, read as intervals and said in OSV's events.

read_range    text -> intervals
as_osv        intervals -> OSV ranges and versions
render        intervals -> the canonical text, which reads back as the same intervals
"""

from assay.domain.ranges.interval import Interval
from assay.domain.ranges.osv import as_osv, events
from assay.domain.ranges.reading import PACKAGE_TYPES, read_range, render

__all__ = ["PACKAGE_TYPES", "Interval", "as_osv", "events", "read_range", "render"]
