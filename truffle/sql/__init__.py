"""The tables for SQL: built from the bucket's objects, and queried with DuckDB or Athena."""
