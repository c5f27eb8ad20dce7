"""A scan as a document, one module per kind: each takes the scan and its circumstances and returns the whole text."""
