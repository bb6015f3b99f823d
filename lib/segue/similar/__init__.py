"""The nearest tracks to every track, and why: DataFrame in, DataFrame out."""
