"""Engine: every k and restart in the same passes over the data, with exact sums."""
