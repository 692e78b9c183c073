"""Bytes in, masked rows out: one small adapter a log format, one reader for all of them."""
