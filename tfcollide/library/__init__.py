"""The verbs, in memory: Keras models and arrays in, records with arrays out."""
