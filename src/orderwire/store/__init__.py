"""Where the book is kept: one schema and one set of statements, SQLite as the embedded engine."""
