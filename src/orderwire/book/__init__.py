"""The rules of the order book: records, operations, queries and callers; no HTTP and no SQL."""
