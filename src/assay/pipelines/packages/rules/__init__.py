"""What the packages pipeline decides: formats, paths, what counts, reports."""
