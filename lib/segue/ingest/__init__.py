"""A published file becomes tracks and rejected rows: DataFrames in and out, nothing is written."""
