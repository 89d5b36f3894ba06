"""The nouns: frozen, checked at birth, no I/O."""
