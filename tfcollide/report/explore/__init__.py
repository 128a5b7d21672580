"""A page on which the hull of a run is walked through: one file, no network."""
