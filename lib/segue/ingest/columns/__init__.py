"""Match the columns of a file to columns of the table ``tracks``, and infer units, by names and sampled values."""
