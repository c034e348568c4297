"""Names that whatever is published shares: of files, and of marks on the Hub."""

CARD_NAME = "README.md"
DECLARATION = "declaration.json"
"""What an instrument of one's own is declared in, beside a card."""
TAG = "secret-sauce"
"""Marks on the Hub what this package made."""
