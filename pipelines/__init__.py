"""Jobs: one a file, each reads a plan and runs it; demo_log writes logs to try them on."""
