"""Feature collisions of ReLU networks: several at once, and everything between them."""

__version__ = "0.2.0"
