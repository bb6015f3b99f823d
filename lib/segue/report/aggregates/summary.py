"""Labeled tracks and what was found of them become the numbers of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Row

from segue import schema
from segue.clustering.model_card import ModelCard, scale_features
from segue.core.spark_helpers import parallel_jobs
from segue.report import numbers
from segue.report.aggregates import queries, sums
from segue.similarity.reasons import describe_reasons

_TOP_GENRES, _TOP_ARTISTS, _HEAT_GENRES, _ARTISTS_A_CLUSTER, _REASONS = 15, 15, 24, 3, 8
_BARS = 40
_WIDTHS = (1, 2, 5, 10, 20, 50)
"""Of a bar, in units of its feature."""
_FEWEST_IN_A_BIN = 30
_TAIL = 0.005
"""Share of the tracks at either end that a distribution's bars leave out."""


@dataclass(frozen=True, slots=True)
class ReportTables:
    """The tables that a report is made from; ``similar`` where its lists are those of these tracks."""

    labeled: DataFrame
    rejected: DataFrame | None
    scores: list[Row]
    """The chosen space's rows of ``k_scores``."""
    similar: DataFrame | None


@dataclass(frozen=True, slots=True)
class _Aggregates:
    """What Spark found, each as ``gather`` returns it."""

    sizes: list[Row]
    sums: sums.Sums
    genres: tuple[list[tuple[str, int]], int]
    artists: tuple[list[tuple[str, int]], int]
    artists_by_cluster: dict[int, list[tuple[str, int]]]
    rejections: tuple[dict[str, int], list[tuple[str, int]]]
    years: list[Row]
    sample: pa.Table
    shares: np.ndarray | None
    searchable: list[str]
    lists: list[Row]


def fit_report_numbers(
    frames: ReportTables, card: ModelCard, provenance: numbers.Provenance, *, n_points: int, n_searchable: int
) -> numbers.ReportNumbers:
    """Return everything that the page shows. Runs some ten Spark jobs, of which one looks at every track's numbers.

    Parameters
    ----------
    frames : the tables
    card : the model that labeled
    provenance : which run this is
    n_points : about how many tracks the maps show
    n_searchable : how many popular tracks can be looked up, beside each cluster's typical ones
    """
    chosen = next(row for row in frames.scores if row.chosen)
    looks = _look(frames, card, n_points, n_searchable, with_shares=chosen.genre_nmi is not None)
    moments = sums.moments(looks.sums)
    r, n = sums.correlation(looks.sums)
    named = [name for name in sums.NUMBERS if name in moments]
    places = [sums.NUMBERS.index(name) for name in named]
    correlations = numbers.Correlations(named, r[np.ix_(places, places)], n[np.ix_(places, places)])
    n_tracks = sum(row.n_tracks for row in looks.sizes)
    (genres, n_genres), (artists, n_artists) = looks.genres, looks.artists
    mean, components, explained = sums.principal_axes(looks.sums, len(card.features))
    centres = (np.array(card.centres_scaled) - mean) @ components.T
    return numbers.ReportNumbers(
        n_tracks=n_tracks,
        n_outliers=sum(row.n_outliers for row in looks.sizes),
        silhouette=float(sum(row.silhouette * row.n_tracks for row in looks.sizes) / n_tracks),
        scores=[numbers.KScore(row.k, row.silhouette, row.inertia, row.stability) for row in frames.scores],
        chosen=chosen.k,
        clusters=_clusters(card, looks.sizes, moments, looks.artists_by_cluster),
        points=_points(looks.sample, card, n_tracks, mean, components),
        map=numbers.Map(
            (float(explained[0]), float(explained[1])),
            {name: (float(components[0, i]), float(components[1, i])) for i, name in enumerate(card.features)},
            [(float(x), float(y)) for x, y in centres],
        ),
        distributions=[_distribution(looks.sums, name, n_tracks) for name in named if name != "year"],
        correlations=correlations,
        rejections=numbers.Rejections(*looks.rejections),
        provenance=provenance,
        years=_years(looks.years) if "year" in moments else None,
        genres=genres[:_TOP_GENRES],
        n_genres=n_genres,
        artists=artists,
        n_artists=n_artists,
        popularity=_popularity(looks.sums, named),
        agreement=_agreement(chosen, genres, looks.shares),
        similar=_similar(looks, named),
    )


def _look(frames: ReportTables, card: ModelCard, n_points: int, n_searchable: int, *, with_shares: bool) -> _Aggregates:
    """Run the Spark jobs, those first that others wait for."""
    labeled, rejected, similar = frames.labeled, frames.rejected, frames.similar
    typical = [item["track_id"] for row in card.profiles for item in row["exemplars"]]
    with parallel_jobs(labeled.sparkSession) as begin:
        sizes = begin(queries.fit_sizes, labeled)
        genres = begin(queries.fit_ranking, labeled, "genre", _HEAT_GENRES)
        popular = begin(queries.fit_popular, labeled, n_searchable) if similar is not None else None
        found = begin(queries.fit_sums, labeled, card)
        artists = begin(queries.fit_ranking, labeled, "artist", _TOP_ARTISTS)
        by_cluster = begin(queries.fit_rankings_by_cluster, labeled, "artist", _ARTISTS_A_CLUSTER)
        rejections = begin(queries.fit_rejections, rejected, _REASONS) if rejected is not None else None
        years = begin(queries.fit_years, labeled)
        counts = {row.cluster: row.n_tracks for row in sizes.result()}
        sample = begin(queries.fit_sample, labeled, counts, n_points)
        names = [name for name, _ in genres.result()[0]] if with_shares else []
        shares = begin(queries.fit_shares, labeled, names, card.k) if names else None
        searchable = list(dict.fromkeys([*typical, *popular.result()])) if popular else []
        lists = begin(queries.fit_lists, labeled, similar, searchable) if similar is not None else None
    return _Aggregates(
        sizes=sizes.result(),
        sums=found.result(),
        genres=genres.result(),
        artists=artists.result(),
        artists_by_cluster=by_cluster.result(),
        rejections=rejections.result() if rejections else ({}, []),
        years=years.result(),
        sample=sample.result(),
        shares=shares.result() if shares else None,
        searchable=searchable,
        lists=lists.result() if lists else [],
    )


def _clusters(
    card: ModelCard,
    sizes: Sequence[Row],
    moments: Mapping[str, tuple[int, float, float]],
    artists: Mapping[int, list[tuple[str, int]]],
) -> list[numbers.Cluster]:
    n_tracks = sum(row.n_tracks for row in sizes)
    labeled = {row.cluster: row for row in sizes}
    found = []
    for row in card.profiles:
        number = row["cluster"]
        means = {name: row[f"{name}_mean"] for name in schema.FEATURE_NAMES if row[f"{name}_mean"] is not None}
        deviations = {
            name: (mean - moments[name][1]) / moments[name][2]
            for name, mean in means.items()
            if name in moments and moments[name][2] > 0
        }
        now = labeled[number].n_tracks if number in labeled else 0
        found.append(
            numbers.Cluster(
                number=number,
                words=row["cluster_description"],
                n_tracks=now,
                share=now / n_tracks,
                silhouette=row["silhouette"],
                means=means,
                deviations=deviations,
                genres=[numbers.Genre(item["genre"], item["share"], item["lift"]) for item in row["top_genres"]],
                artists=artists.get(number, []),
                exemplars=_told_once([_named(item) for item in row["exemplars"]]),
            )
        )
    return found


def _told_once(tracks: Sequence[numbers.TrackReference]) -> list[numbers.TrackReference]:
    """Return tracks without further releases that a reader would take for the same."""
    first: dict[tuple[str, str], numbers.TrackReference] = {}
    for track in tracks:
        first.setdefault((track.title.casefold(), track.artist.casefold()), track)
    return list(first.values())


def _named(track: Any) -> numbers.TrackReference:
    return numbers.TrackReference(track["track_id"], track["title"] or "", track["artist"] or "")


def _points(
    table: pa.Table, card: ModelCard, n_tracks: int, mean: sums.Floats, components: sums.Floats
) -> numbers.Points:
    values = {
        name: table.column(name).to_numpy().astype(float)
        for name in schema.FEATURE_NAMES
        if table.column(name).null_count < len(table)
    }
    place = (scale_features(card, np.stack([values[name] for name in card.features], axis=1)) - mean) @ components.T
    texts = zip(*(table.column(name).to_pylist() for name in ("track_id", "title", "artist")), strict=True)
    return numbers.Points(
        tracks=[numbers.TrackReference(track_id, title or "", artist or "") for track_id, title, artist in texts],
        cluster=table.column("cluster").to_pylist(),
        values=values,
        x=place[:, 0],
        y=place[:, 1],
        n_tracks=n_tracks,
    )


def _distribution(found: sums.Sums, name: str, n_tracks: int) -> numbers.Distribution:
    """Return bars between the tails, each as many units wide as the next."""
    fine = found[sums.BINS, sums.NUMBERS.index(name)]
    ends = sums.edges(name, len(fine))
    low, q1, median, q3, high = sums.quantiles(found, name, [_TAIL, 0.25, 0.5, 0.75, 1 - _TAIL])
    first = int(np.searchsorted(ends, low, "right")) - 1
    last = max(int(np.searchsorted(ends, high, "left")), first + 1)
    step = next(sums.FINE * units for units in _WIDTHS if last - first <= _BARS * sums.FINE * units)
    first, last = first // step * step, min(-(-last // step) * step, len(fine))
    starts = np.arange(first, last, step)
    counts = np.add.reduceat(fine[first:last], starts - first)
    return numbers.Distribution(
        name=name,
        edges=[float(ends[i]) for i in [*starts, last]],
        counts=[int(count) for count in counts],
        beyond=int(fine.sum() - counts.sum()),
        missing=int(n_tracks - fine.sum()),
        q1=q1,
        median=median,
        q3=q3,
    )


def _popularity(found: sums.Sums, named: Sequence[str]) -> list[numbers.Popularity]:
    if "popularity" not in named:
        return []
    told = []
    for name in named:
        if name == "popularity":
            continue
        counts, totals = found[sums.POPULAR, sums.NUMBERS.index(name)].reshape(2, -1)
        ends = sums.edges(name, sums.N_COARSE)
        kept = np.flatnonzero(counts >= _FEWEST_IN_A_BIN)
        if len(kept) >= 3:
            middles = ((ends[:-1] + ends[1:]) / 2)[kept]
            means = (totals / np.maximum(counts, 1))[kept]
            told.append(
                numbers.Popularity(name, middles.tolist(), means.tolist(), [int(count) for count in counts[kept]])
            )
    return told


def _years(rows: Sequence[Row]) -> numbers.Years:
    means = {name: [row[name] for row in rows] for name in schema.FEATURE_NAMES}
    return numbers.Years([row.year for row in rows], [row.n_tracks for row in rows], means)


def _agreement(chosen: Row, genres: Sequence[tuple[str, int]], shares: np.ndarray | None) -> numbers.Agreement | None:
    if shares is None:
        return None
    names, counts = [name for name, _ in genres], [count for _, count in genres]
    return numbers.Agreement(chosen.genre_nmi, chosen.genre_ari, chosen.genre_purity, names, shares, counts)


def _similar(looks: _Aggregates, named: Sequence[str]) -> list[numbers.Similar]:
    thirds = {}
    for name in schema.FEATURE_NAMES:
        if name in named:
            low, high = sums.quantiles(looks.sums, name, [1 / 3, 2 / 3])
            thirds[name] = (low, high)
    lists: dict[str, numbers.Similar] = {}
    for row in looks.lists:
        one = lists.setdefault(row.owner.track_id, numbers.Similar(_named(row.owner), row.owner.cluster, []))
        why = describe_reasons(
            [name for name in row.why if name in thirds], row.owner.asDict(), row.track.asDict(), thirds
        )
        one.near.append(numbers.Neighbour(_named(row.track), row.track.cluster, why))
    return [lists[name] for name in looks.searchable if name in lists]
