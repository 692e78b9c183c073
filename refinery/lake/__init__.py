"""What is published: immutable Parquet, one snapshot file over all tables, and DuckDB views to read it."""
