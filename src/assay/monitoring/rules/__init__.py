"""Decisions: what is read off the present, when an alert opens and resolves, what is said about it."""
