"""The network of a request: opened, trained."""
