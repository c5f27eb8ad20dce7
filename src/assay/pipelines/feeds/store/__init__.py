"""Changes to the room's own tables, one function per statement or per set of rows; one module a table."""
