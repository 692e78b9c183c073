"""Where bytes lie: stores with put-if-absent, and the one writer of Parquet files."""
