"""By what rules and under which policy claims are merged, as one mark that is kept with the catalog."""

from hashlib import sha256

import msgspec

from assay.catalog.rules.policy import Policy
from assay.domain.versions import ENCODER_VERSION

RULES_VERSION = 1
"""Raised when the same claims become something else, but for version keys (tests/catalog/test_marking.py tells)."""


def merging_mark(policy: Policy) -> str:
    """The mark of a merge: what was merged under another one may differ from what a rebuild would make of it."""
    said = msgspec.json.encode(policy, order="deterministic")
    return f"{RULES_VERSION}.{ENCODER_VERSION}.{sha256(said).hexdigest()[:16]}"
