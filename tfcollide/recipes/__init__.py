"""Whole operations: a frozen `Config` and `run(config)`; the only wiring."""
