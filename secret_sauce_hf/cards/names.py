"""Names that whatever is published shares: of files, of marks on the Hub, of the sounds' type."""

from secret_sauce_hf.instruments import SAMPLE_RATE

CARD_NAME = "README.md"
DECLARATION = "declaration.json"
"""What an instrument of one's own is declared in, beside a card."""
TAG = "secret-sauce"
"""Marks on the Hub what this package made."""
AUDIO_TYPE = {"sampling_rate": SAMPLE_RATE, "num_channels": 1}
"""The sounds' type as metadata tell it; `datasets` before 4.4 passes over what it does not know of it."""
