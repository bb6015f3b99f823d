"""The definition of a list in plain Python: all other tracks by (distance, track_id), less those excluded by rules."""

import math


def distance(first, second):
    """Return the Euclidean distance, summed feature after feature."""
    total = 0.0
    for a, b in zip(first, second, strict=True):
        total += (a - b) * (a - b)
    return math.sqrt(total)


def similar(
    query,
    tracks,
    *,
    length=10,
    per_artist=2,
    other_releases=False,
    years_apart=None,
    same_genre=False,
    is_candidate=None,
):
    """Return the list of one track as (track_id, distance) pairs.

    A track is a dict of track_id, point, artist, recording (equal for releases of one recording), year, genre.
    """

    def is_allowed(track):
        if track["track_id"] == query["track_id"] or (is_candidate and not is_candidate(track)):
            return False
        if not other_releases and track["recording"] == query["recording"]:
            return False
        if same_genre and (query["genre"] is None or track["genre"] != query["genre"]):
            return False
        years = (query["year"], track["year"])
        return years_apart is None or (None not in years and abs(years[0] - years[1]) <= years_apart)

    allowed = ((distance(query["point"], t["point"]), t["track_id"], t) for t in tracks if is_allowed(t))
    selected = []
    for gap, track_id, track in sorted(allowed, key=lambda row: row[:2]):
        previous = [t for _, _, t in selected]
        if not other_releases and any(t["recording"] == track["recording"] for t in previous):
            continue
        if per_artist and sum(t["artist"] == track["artist"] for t in previous) >= per_artist:
            continue
        selected.append((gap, track_id, track))
        if len(selected) == length:
            break
    return [(track_id, gap) for gap, track_id, _ in selected]
