"""Nouns: frozen, checked at birth, no input or output."""
