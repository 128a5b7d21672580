"""Ways to search an index: one file each, with a `VARIANT` that has `open` and `search`."""
