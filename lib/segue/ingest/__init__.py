"""Read files with audio features into two DataFrames: tracks, and rejected rows with reasons. Writes nothing."""
