"""Malformed files, made by code, each with the outcome that it must have."""
