"""Numbers that more than one room has to keep to."""

LARGEST_ID = 2**63 - 1
"""The largest row number there can be: PostgreSQL's largest bigint."""
