"""Assay: raw security data in, assayed data out."""

__version__ = "0.1.0"
