"""What a conversation becomes: Table 2, and the training samples of what it lets through."""
