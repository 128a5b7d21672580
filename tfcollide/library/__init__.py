"""The verbs, in memory: Keras models and arrays in, records with arrays out.

Nothing is printed, written or set globally; errors name arguments. `tfcollide` itself has the public names.
"""
