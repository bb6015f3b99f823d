"""Find the nearest tracks of every track exactly, and the features that each pair shares: DataFrames in and out."""
