"""Composites: where pasted patches lie, how they are blended, and which patches a seed image asks for."""
