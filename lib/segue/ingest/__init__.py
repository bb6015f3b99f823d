"""Read files with audio features into DataFrames of tracks and of rejected rows. Writes nothing."""
