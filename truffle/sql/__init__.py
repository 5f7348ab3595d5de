"""The tables that SQL asks: made from the bucket's objects, and asked by DuckDB or Athena."""
