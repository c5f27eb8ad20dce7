"""Decisions about configurations: what they come to in types, where data goes, what changed, what is wrong."""
