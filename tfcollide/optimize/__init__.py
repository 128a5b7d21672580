"""Descent: what is minimized, how it moves, when it ends."""
