"""Whether a collision is one: what a corner still is, and how far apart features usually are."""
