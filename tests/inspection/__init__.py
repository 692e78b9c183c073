"""Tests of inspection: policies, rule files, the online engine."""
