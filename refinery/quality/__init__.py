"""Scores that need no model, and the gate that sets conversations aside by them."""
