"""Frozen classifiers: bounds, logits, taps; and how to train one."""
