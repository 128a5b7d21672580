"""Tables, figures, curves and files of a run."""
