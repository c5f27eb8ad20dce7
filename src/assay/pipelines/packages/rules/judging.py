"""What a scan's findings mean for the program that asked: which of them count, and what the whole comes to."""

from collections.abc import Collection
from enum import StrEnum

from assay.pipelines.packages.model import Finding, Scan, Standing


class FailOn(StrEnum):
    """From when on a finding makes the scan fail."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    KEV = "kev"
    ANY = "any"


class Verdict(StrEnum):
    """What a scan comes to, the worst first."""

    ERROR = "error"
    FINDINGS = "findings"
    UNKNOWN = "unknown"
    CLEAN = "clean"


_RANKS = {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}


def fails(finding: Finding, fail_on: Collection[FailOn]) -> bool:
    """Whether a finding is one that makes the scan fail. What nobody rated only does so for `any`."""
    if FailOn.ANY in fail_on:
        return True
    if FailOn.KEV in fail_on and finding.vulnerability.is_exploited:
        return True
    levels = [_RANKS[level] for level in fail_on if level in _RANKS and level is not FailOn.NONE]
    rank = _RANKS.get(finding.vulnerability.severity or "", 0)
    return bool(levels) and rank >= min(levels)


def verdict(scan: Scan, fail_on: Collection[FailOn]) -> Verdict:
    """What a scan comes to. What could not be read outweighs everything: nobody knows what it would have said."""
    if not scan.is_complete:
        return Verdict.ERROR
    counted = [finding for finding in scan.counted if fails(finding, fail_on)]
    if any(finding.standing is Standing.AFFECTED for finding in counted):
        return Verdict.FINDINGS
    return Verdict.UNKNOWN if counted else Verdict.CLEAN
