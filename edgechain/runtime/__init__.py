"""What a node is made of: clock, slots, joins, actors, and the interpreter in its worker."""
