"""The words of feeds."""

ROOM = "feeds"

EXTRACTION = "extraction"
"""The catalog's name for what was read out of prose."""

PERSON = "person"
"""The catalog's name for what a person decided about it."""
