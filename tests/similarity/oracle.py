"""The definition of a list in plain Python: all other tracks by (distance, track_id), less those excluded by rules."""

import math

# pitch classes of the keys 1A to 12A and 1B to 12B, as Camelot wheels are published
MINOR = (8, 3, 10, 5, 0, 7, 2, 9, 4, 11, 6, 1)
MAJOR = (11, 6, 1, 8, 3, 10, 5, 0, 7, 2, 9, 4)


def distance(first, second):
    """Return the Euclidean distance, summed feature after feature."""
    total = 0.0
    for a, b in zip(first, second, strict=True):
        total += (a - b) * (a - b)
    return math.sqrt(total)


def recordings(tracks, units):
    """Return the recording of every track by id: the id of its first release, and its artist.

    A track is a dict of track_id, artist and title (keys, "" if unknown), isrc (or None) and features by name.
    """
    titles = {}
    for track in tracks:
        titles.setdefault((track["artist"], track["title"] or track["track_id"]), []).append(track)
    recording = {}
    for (name, _), group in titles.items():
        n_different = len({tuple(track.get(f) for f in units) for track in group})
        limit = min(1.0, (5 / n_different) ** (1 / 3))

        def agrees(track, other, name=name, limit=limit):
            both = [f for f in units if track.get(f) is not None and other.get(f) is not None]
            total = sum(min(abs(track[f] - other[f]) / units[f], 4) for f in both)
            return total <= limit * len(both) and (len(both) >= 5 or bool(name))

        def n_missing(track):
            return sum(track.get(f) is None for f in units)

        centres, components = [], []
        for track in sorted(group, key=lambda t: (n_missing(t), t["track_id"])):
            near = [centre for centre in centres if agrees(track, centre)]
            if not near:
                centres.append(track)
                components.append([track])
        is_complete = {t["track_id"]: n_missing(t) == min(map(n_missing, group)) for t in group}
        for track in group:
            near = [i for i, centre in enumerate(centres) if track is centre or agrees(track, centre)]
            if not is_complete[track["track_id"]]:
                near = near[:1] if track not in centres else [centres.index(track)]
            else:
                near = [i for i in near if is_complete[centres[i]["track_id"]]] or near[:1]
            joined = [c for c in components if any(centres[i] in c for i in near)]
            united = [t for component in joined for t in component]
            components = [c for c in components if c not in joined] + [[*united, track]]
        for component in components:
            first = min(component, key=lambda t: (n_missing(t), t["track_id"]))["track_id"]
            recording |= {track["track_id"]: first for track in component}
    groups = {}
    for track in tracks:
        groups.setdefault(recording[track["track_id"]], []).append(track)
    for code in sorted({t["isrc"] for t in tracks if t.get("isrc")}):
        united = sorted(name for name, group in groups.items() if any(t.get("isrc") == code for t in group))
        groups[united[0]] = [t for name in united for t in groups.pop(name)]
    result = {}
    for name, group in groups.items():
        artist = min((t["artist"] for t in group if t["artist"]), default=name)
        result |= {t["track_id"]: (name, artist) for t in group}
    return result


def mixes(first, second):
    """Return whether the second track can follow the first: each track has a key (pitch class) and a mode, or None."""
    if None in (first["key"], first["mode"]):
        return True
    if None in (second["key"], second["mode"]):
        return False
    hours = [(MINOR, MAJOR)[track["mode"]].index(track["key"]) for track in (first, second)]
    if first["mode"] != second["mode"]:
        return hours[0] == hours[1]
    return (hours[0] - hours[1]) % 12 in (0, 1, 11)


def similar(
    query,
    tracks,
    *,
    length=10,
    per_artist=2,
    other_releases=False,
    years_apart=None,
    same_genre=False,
    harmonic=False,
    is_candidate=None,
):
    """Return the list of one track as (track_id, distance) pairs.

    A track is a dict of track_id, point, artist, recording (equal for releases of one recording), year, genre, key
    and mode.
    """

    def is_allowed(track):
        if track["track_id"] == query["track_id"] or (is_candidate and not is_candidate(track)):
            return False
        if not other_releases and track["recording"] == query["recording"]:
            return False
        if same_genre and (query["genre"] is None or track["genre"] != query["genre"]):
            return False
        if harmonic and not mixes(query, track):
            return False
        years = (query["year"], track["year"])
        return years_apart is None or (None not in years and abs(years[0] - years[1]) <= years_apart)

    allowed = ((distance(query["point"], t["point"]), t["track_id"], t) for t in tracks if is_allowed(t))
    selected, beyond = [], []
    for gap, track_id, track in sorted(allowed, key=lambda row: row[:2]):
        previous = [t for _, _, t in selected]
        if not other_releases and any(t["recording"] == track["recording"] for t in previous):
            continue
        if per_artist and sum(t["artist"] == track["artist"] for t in previous) >= per_artist:
            if other_releases or all(t["recording"] != track["recording"] for *_, t in beyond):
                beyond.append((gap, track_id, track))
            continue
        selected.append((gap, track_id, track))
        if len(selected) == length:
            break
    # a list that the limit on artists leaves short is filled beyond the limit
    selected = sorted(selected + beyond[: length - len(selected)], key=lambda row: row[:2])
    return [(track_id, gap) for gap, track_id, _ in selected]
