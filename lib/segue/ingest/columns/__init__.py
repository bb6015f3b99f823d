"""What the columns of a file mean: from their names and sampled values, the canonical column and the unit of each."""
