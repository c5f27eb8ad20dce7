"""One module per surface: OSV's API, npm's audit, OSV's bucket tree, health."""
