"""Find the tracks most similar to each track, or to a list of seeds, and name the features in which two tracks agree.

The search is exact. Rules restrict which tracks are recommended: by recording, artist, year and musical key.
"""
