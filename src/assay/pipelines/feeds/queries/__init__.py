"""What the room can show; one module a table."""
