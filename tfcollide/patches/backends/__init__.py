"""Ways to search an index: one file each, whose `VARIANT` is a class that takes a `Collection` and has `search`."""
