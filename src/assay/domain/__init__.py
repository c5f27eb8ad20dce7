"""Words of the field, pure: identifiers, advisories in OSV form, ranges, severity."""
