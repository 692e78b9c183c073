"""Tests of the shipped rules as a whole: what they find, what they leave, what they cost."""
