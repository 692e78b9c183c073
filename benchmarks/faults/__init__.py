"""Faults planted into clean real conversations, to measure which of them inspection finds."""
