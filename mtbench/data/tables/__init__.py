"""A user's own tables: CSV, TSV and Parquet, read into columns."""
