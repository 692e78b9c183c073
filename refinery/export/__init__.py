"""Thin writers from the one `samples` table to the forms of training libraries."""
