"""The engine of the guitar rack."""
