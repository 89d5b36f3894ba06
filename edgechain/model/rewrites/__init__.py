"""One transformation of a model per file; each takes a ``ModelT`` and returns another."""
