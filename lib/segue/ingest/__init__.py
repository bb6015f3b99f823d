"""Read published files into tracks and rejected rows: DataFrames and plain values in and out."""
