"""Hulls of corners: mixtures of them, and what the network says of those."""
