"""The kinds of personal data, one module a family: how each is written, and what only code can check of it."""
