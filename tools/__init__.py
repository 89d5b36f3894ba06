"""What developers run by hand: the demo, generated code."""
