"""A page on which the hull of a finished run is walked through."""
