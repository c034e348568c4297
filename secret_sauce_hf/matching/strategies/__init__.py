"""Ways to search among candidates."""
