"""The nearest tracks of every track, exactly, and why they are similar: DataFrame in, DataFrame out."""
