"""Tests of refinery.models."""
