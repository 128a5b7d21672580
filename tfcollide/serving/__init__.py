"""TensorFlow Serving: asking a served model, and a local server with the same API."""
