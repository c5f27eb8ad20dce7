"""What the catalog does later: merge what is marked dirty, write what that decided, try another policy.

merging    finds everything a dirty claim can touch, cuts it into parts that do not touch each other, and merges
           each in one transaction
writing    the rows of what a part decided
trying     the same merge under another policy, compared and not written
"""

from assay.catalog.tasks.merging import MergeCounts, Needs, merge, merge_part, read_claims
from assay.catalog.tasks.trying import try_part, try_policy

__all__ = ["MergeCounts", "Needs", "merge", "merge_part", "read_claims", "try_part", "try_policy"]
