"""Find the tracks most similar to each track or to a list of tracks, and name the features that a pair shares.

The search is exact. Rules limit the tracks of a list by recording, artist, year and musical key.
"""
