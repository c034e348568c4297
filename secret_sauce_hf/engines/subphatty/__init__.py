"""The engine of the Moog Sub Phatty."""
