"""The engine of the Yamaha DX7."""
