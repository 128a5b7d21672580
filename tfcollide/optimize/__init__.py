"""Descent: what is minimised, how it moves, when it ends."""
