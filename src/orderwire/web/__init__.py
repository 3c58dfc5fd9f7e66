"""HTTP tools: requests, responses, routing, limits, the ASGI adapter. Knows nothing of the book."""
