"""Find the tracks most similar to one track or to a list of tracks, and name the features that two tracks share.

The search is exact. Rules restrict which tracks are recommended: by recording, artist, year and musical key. The
package also parses users' lists of tracks, orders recommended tracks, and learns feature weights from playlists.
"""
