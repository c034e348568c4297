"""The engine of Vital."""
