"""The collision set of a target as an object, its corners, and hulls of corners: what the network says of their mixtures."""
