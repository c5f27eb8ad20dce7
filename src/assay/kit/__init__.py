"""Tools without opinions: they know no security words and nobody above them."""
