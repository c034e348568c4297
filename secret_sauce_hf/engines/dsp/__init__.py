"""What the engines share: compiled arithmetic, filters, and the way from sound to takes."""
