"""Find the most similar tracks of every track, exactly and under rules, and name the features that a pair shares."""
