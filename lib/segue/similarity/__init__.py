"""Find the nearest tracks of every track exactly, which of them make a list, and why: DataFrames in and out."""
