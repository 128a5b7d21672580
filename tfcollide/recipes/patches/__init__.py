"""The programs of the patch index."""
