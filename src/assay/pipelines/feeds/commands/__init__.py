"""What may be asked of the room now; one module a subject."""
