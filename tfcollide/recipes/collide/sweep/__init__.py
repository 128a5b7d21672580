"""Many pairs."""
