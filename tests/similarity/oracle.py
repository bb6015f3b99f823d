"""The definition, in plain Python: every other track in order of (distance, track_id), those that the rules allow."""

import math


def distance(one, other):
    """The Euclidean distance, feature after feature."""
    total = 0.0
    for a, b in zip(one, other, strict=True):
        total += (a - b) * (a - b)
    return math.sqrt(total)


def similar(
    asked, tracks, *, length=10, per_artist=2, other_releases=False, years_apart=None, same_genre=False, allowed=None
):
    """Return the list of one track as (track_id, distance) pairs.

    A track is a dict of track_id, point, artist, recording (what releases of one recording share), year, genre.
    """

    def is_fit(other):
        if other["track_id"] == asked["track_id"] or (allowed and not allowed(other)):
            return False
        if not other_releases and other["recording"] == asked["recording"]:
            return False
        if same_genre and (asked["genre"] is None or other["genre"] != asked["genre"]):
            return False
        years = (asked["year"], other["year"])
        return years_apart is None or (None not in years and abs(years[0] - years[1]) <= years_apart)

    fit = ((distance(asked["point"], t["point"]), t["track_id"], t) for t in tracks if is_fit(t))
    chosen = []
    for gap, name, track in sorted(fit, key=lambda found: found[:2]):
        names = [t for _, _, t in chosen]
        if not other_releases and any(t["recording"] == track["recording"] for t in names):
            continue
        if per_artist and sum(t["artist"] == track["artist"] for t in names) >= per_artist:
            continue
        chosen.append((gap, name, track))
        if len(chosen) == length:
            break
    return [(name, gap) for gap, name, _ in chosen]
