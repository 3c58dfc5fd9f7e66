"""Orderwire beside what its users might pick instead; run by hand, see README.md."""
