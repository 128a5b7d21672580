"""Labelled images: the bundled digits, TFDS names, single files."""
