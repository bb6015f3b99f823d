"""Order the members of nested JSON objects, or fields of Parquet structs, for matching, and count the known ones.

A nested member is named by its path, such as ``track.album.name``, which is matched as a dotted header.
"""

from collections.abc import Collection, Iterable, Sequence

from segue.ingest.header_candidates import lookup_names
from segue.ingest.sources import Source


def known_headers(sources: Iterable[Source]) -> frozenset[str]:
    """Return the normalised headers, without accents, that any source defines."""
    return frozenset(name for source in sources for name in source.by_name)


def count_known(names: Iterable[str], known: Collection[str]) -> int:
    """Return how many different known headers a list of member names matches; ``known`` as ``known_headers``."""
    looked_up = (next((name for name, _ in lookup_names(member) if name in known), None) for member in names)
    return len({name for name in looked_up if name})


def order_members(names: Iterable[str]) -> tuple[str, ...]:
    """Return member names with the less nested first, and members of audio features last at their depth.

    The order decides which of two members is matched to a column. The id of a track is preferred to that of its audio
    features, which are null where the API knows none. Otherwise names stay in their order.
    """
    return tuple(sorted(names, key=lambda name: (name.count("."), "feature" in name.rpartition(".")[0].lower())))


def leaf_headers(names: Sequence[str]) -> list[str]:
    """Return the names with an empty text for each that has members itself: an object is no value of a column."""
    parents = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return ["" if name in parents else name for name in names]
