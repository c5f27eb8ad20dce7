"""What happens later and in the background, in the order in which entries flow; one module a step."""
