"""Find the most similar tracks of each track, or of a list of tracks, and name the features shared by two tracks.

The search is exact. Rules restrict which tracks are recommended: by recording, artist, year and musical key.
"""
