"""The program collide: corners of one pair."""
