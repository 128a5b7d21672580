"""A server with the API of TensorFlow Serving, for tests and trials."""
