"""Whether a proof speaks of a network: its settings, its run."""
