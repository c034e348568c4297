"""The engine of TAL-NoiseMaker."""
