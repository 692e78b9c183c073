"""Runnable comparisons; results stand beside them as theme_hardware_date.md."""
