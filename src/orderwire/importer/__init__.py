"""What comes in from files: rows of an export, read by a map, placed as orders through the book."""
