"""The cards that are published with datasets, checkpoints and metrics."""
