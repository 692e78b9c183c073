"""What flows: Arrow schemas and nothing else. One conversation is one row; a turn is one log message."""
