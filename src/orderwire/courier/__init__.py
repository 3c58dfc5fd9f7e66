"""What leaves the book: mail."""
