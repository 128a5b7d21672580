"""Proofs over whole hulls."""
