"""Replies held against what they rest on: knowledge, tool results, and what was said before."""
