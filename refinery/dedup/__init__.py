"""Which conversations say the same thing, and which of them is kept."""
