"""The catalog's decisions: which claims belong together, whose word counts, what the result says. Pure."""
