"""Asking a served model, over gRPC or REST."""
