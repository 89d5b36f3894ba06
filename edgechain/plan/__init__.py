"""Where to cut and what it costs: pure functions over the operator graph."""
