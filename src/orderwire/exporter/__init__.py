"""What leaves the book as files: orders as JSON Lines, CSV or Parquet."""
