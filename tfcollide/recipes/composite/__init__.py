"""Composites: made, rebuilt, compared."""
