"""What a report tells of all tracks, computed on the cluster: sums, counts and a sample come back, never the tracks."""
