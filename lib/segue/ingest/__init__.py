"""Read published files into DataFrames of tracks and of rejected rows. Writes nothing."""
