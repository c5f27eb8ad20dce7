"""What one text says: made readable, read by rules, and what a language model may add to it."""
