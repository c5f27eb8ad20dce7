"""The floor under every pipeline: the run ledger.

Every task ends by writing one row (room, step, source, counts, seconds, outcome); monitoring reads only that.

Table (schema jobs): runs.
"""
