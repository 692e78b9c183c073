"""Refinery: conversation logs in, traceable training rows out."""

__version__ = "0.1.0"
