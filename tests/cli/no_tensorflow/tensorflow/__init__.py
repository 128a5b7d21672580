"""Stands in the place of TensorFlow where a program must answer without it."""

raise AssertionError("TensorFlow was imported")
