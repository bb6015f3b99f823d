"""Aggregate labeled tracks, their model and their lists of similar tracks into the numbers of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Row

from segue import schema
from segue.clustering.model_card import ModelCard, coordinates, directions, scale_features
from segue.core.spark_helpers import parallel_jobs
from segue.report import numbers
from segue.report.aggregates import queries, sums
from segue.similarity.reasons import KEY, describe_reasons

_TOP_GENRES, _TOP_ARTISTS, _HEATMAP_GENRES, _ARTISTS_PER_CLUSTER, _TOP_REASONS = 15, 15, 24, 3, 8
"""Maximum lengths of the lists in the report."""
_MAX_BARS = 40
_BAR_STEPS = (1, 2, 5, 10, 20, 50)
"""Possible widths of a histogram bar, as multiples of the column's ``sums.STEP``."""
_MIN_TRACKS_PER_BIN, _MIN_BINS = 30, 3
"""Minimum number of tracks in a bin, and of bins of a column, for the figures of popularity."""
_TAIL = 0.005
"""Maximum share of tracks beyond the bars of a histogram, at each end."""


@dataclass(frozen=True, slots=True)
class ReportTables:
    """The input tables of a report, as DataFrames or rows."""

    labeled: DataFrame
    """The table ``labeled_tracks``."""
    rejected: DataFrame | None
    """The table ``rejected_tracks``; None if it does not exist."""
    scores: list[Row]
    """The rows of ``k_scores`` for the model and its feature space, by k."""
    similar: DataFrame | None
    """The table ``similar_tracks``; None if it does not exist, or is older than the rows of ``labeled``."""


@dataclass(frozen=True, slots=True)
class _Aggregates:
    """The results of the Spark jobs of a report, from the functions of ``queries``."""

    sizes: list[Row]
    totals: sums.Sums
    genres: tuple[list[tuple[str, int]], int]
    artists: tuple[list[tuple[str, int]], int]
    artists_by_cluster: dict[int, list[tuple[str, int]]]
    rejections: tuple[dict[str, int], list[tuple[str, int]]]
    years: list[Row]
    sample: pa.Table
    shares: sums.Floats | None
    searchable: list[str]
    """Ids of the tracks whose similar tracks are in ``lists``; a track may have none."""
    lists: list[Row]


def collect_report_numbers(
    tables: ReportTables, card: ModelCard, provenance: numbers.Provenance, *, n_points: int, n_searchable: int
) -> numbers.ReportNumbers:
    """Compute the numbers of a report, and return them as ReportNumbers. Runs about ten Spark jobs.

    One of the jobs reads all numeric columns of all tracks.

    Parameters
    ----------
    tables : the input tables
    card : the model that labeled the tracks (content of ``model.json``)
    provenance : model, versions and settings; copied into the result
    n_points : approximate number of tracks on the maps
    n_searchable : number of popular tracks to include with their lists of similar tracks, besides the tracks nearest to
        the centre of each cluster
    """
    chosen = next(row for row in tables.scores if row.chosen)
    aggregates = _aggregate(tables, card, n_points, n_searchable, with_shares=chosen.genre_nmi is not None)
    moments = sums.moments(aggregates.totals)
    names = [name for name in sums.NUMBERS if name in moments]
    n_tracks = sum(row.n_tracks for row in aggregates.sizes)
    (genres, n_genres), (artists, n_artists) = aggregates.genres, aggregates.artists
    mean, components, explained = sums.principal_axes(aggregates.totals, len(coordinates(card)))
    centres = (np.array(card.centres_scaled) - mean) @ components.T
    return numbers.ReportNumbers(
        n_tracks=n_tracks,
        n_outliers=sum(row.n_outliers for row in aggregates.sizes),
        silhouette=float(sum(row.silhouette * row.n_tracks for row in aggregates.sizes) / n_tracks),
        k_scores=[numbers.KScore(row.k, row.silhouette, row.inertia, row.stability) for row in tables.scores],
        k=chosen.k,
        clusters=_clusters(card, aggregates.sizes, moments, aggregates.artists_by_cluster),
        points=_points(aggregates.sample, card, n_tracks, mean, components),
        projection=numbers.Projection(
            (float(explained[0]), float(explained[1])),
            _loadings(card, components),
            [(float(x), float(y)) for x, y in centres],
        ),
        distributions=[_distribution(aggregates.totals, name, n_tracks) for name in names if name != "year"],
        correlations=_correlations(aggregates.totals, names),
        rejections=numbers.Rejections(*aggregates.rejections),
        provenance=provenance,
        years=_years(aggregates.years) if "year" in moments else None,
        genres=genres[:_TOP_GENRES],
        n_genres=n_genres,
        artists=artists,
        n_artists=n_artists,
        popularity=_popularity(aggregates.totals, names),
        agreement=_agreement(card, chosen, genres, aggregates.shares),
        similar_tracks=_similar_tracks(aggregates, names),
    )


def _aggregate(
    tables: ReportTables, card: ModelCard, n_points: int, n_searchable: int, *, with_shares: bool
) -> _Aggregates:
    """Run the Spark jobs of a report in parallel, and return their results.

    Parameters
    ----------
    tables, card, n_points, n_searchable : as for ``collect_report_numbers``
    with_shares : whether to compute the share of each genre's tracks in each cluster
    """
    labeled, rejected, similar = tables.labeled, tables.rejected, tables.similar
    exemplars = [item["track_id"] for row in card.profiles for item in row["exemplars"]]
    with parallel_jobs(labeled.sparkSession) as submit:
        sizes = submit(queries.collect_sizes, labeled)
        genres = submit(queries.collect_ranking, labeled, "genre", _HEATMAP_GENRES)
        popular = submit(queries.collect_popular, labeled, n_searchable) if similar is not None else None
        totals = submit(queries.collect_sums, labeled, card)
        artists = submit(queries.collect_ranking, labeled, "artist", _TOP_ARTISTS)
        by_cluster = submit(queries.collect_rankings_by_cluster, labeled, "artist", _ARTISTS_PER_CLUSTER)
        rejections = submit(queries.collect_rejections, rejected, _TOP_REASONS) if rejected is not None else None
        years = submit(queries.collect_years, labeled)
        counts = {row.cluster: row.n_tracks for row in sizes.result()}
        sample = submit(queries.collect_sample, labeled, counts, n_points)
        names = [name for name, _ in genres.result()[0]] if with_shares else []
        shares = submit(queries.collect_shares, labeled, names, card.k) if names else None
        searchable = list(dict.fromkeys([*exemplars, *popular.result()])) if popular else []
        lists = submit(queries.collect_lists, labeled, similar, searchable) if similar is not None else None
    return _Aggregates(
        sizes=sizes.result(),
        totals=totals.result(),
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
    """Return the profile of each cluster, as a list of numbers.Cluster in the order of the model's profiles.

    Means, silhouette, genres and typical tracks of a cluster are from the training. Its number of tracks and its
    artists are counted over all labeled tracks.

    Parameters
    ----------
    card : the model
    sizes : one Row per cluster, with its number of labeled tracks, from ``queries.collect_sizes``
    moments : count, mean and standard deviation of each numeric column, from ``sums.moments``
    artists : by cluster, pairs (artist, number of tracks), from ``queries.collect_rankings_by_cluster``
    """
    n_tracks = sum(row.n_tracks for row in sizes)
    size_by_cluster = {row.cluster: row.n_tracks for row in sizes}
    clusters = []
    for row in card.profiles:
        number = row["cluster"]
        size = size_by_cluster.get(number, 0)
        means = {name: row[f"{name}_mean"] for name in schema.FEATURE_NAMES if row[f"{name}_mean"] is not None}
        deviations = {
            name: (mean - moments[name][1]) / moments[name][2]
            for name, mean in means.items()
            if name in moments and moments[name][2] > 0
        }
        clusters.append(
            numbers.Cluster(
                number=number,
                description=row["cluster_description"],
                n_tracks=size,
                share=size / n_tracks,
                silhouette=row["silhouette"],
                means=means,
                deviations=deviations,
                genres=[numbers.GenreShare(item["genre"], item["share"], item["lift"]) for item in row["top_genres"]],
                artists=artists.get(number, []),
                exemplars=_distinct([_reference(item) for item in row["exemplars"]]),
            )
        )
    return clusters


def _distinct(tracks: Sequence[numbers.TrackReference]) -> list[numbers.TrackReference]:
    """Return the first track of each title and artist, compared without regard to case."""
    first: dict[tuple[str, str], numbers.TrackReference] = {}
    for track in tracks:
        first.setdefault((track.title.casefold(), track.artist.casefold()), track)
    return list(first.values())


def _reference(track: Any) -> numbers.TrackReference:
    """Convert a Row or dict with track_id, title and artist to a TrackReference."""
    return numbers.TrackReference(track["track_id"], track["title"] or "", track["artist"] or "")


def _loadings(card: ModelCard, components: sums.Floats) -> dict[str, tuple[float, float]]:
    """Return the weights of each feature in the two axes of the map (unit vectors): {"energy": (0.6, -0.2)}."""
    loadings = components @ directions(card).T
    if card.discriminants:
        lengths = np.linalg.norm(loadings, axis=1, keepdims=True)
        loadings = loadings / np.where(lengths > 0, lengths, 1.0)
    return {name: (float(x), float(y)) for name, (x, y) in zip(card.features, loadings.T, strict=True)}


def _points(
    table: pa.Table, card: ModelCard, n_tracks: int, mean: sums.Floats, components: sums.Floats
) -> numbers.Points:
    """Return the tracks on the maps as numbers.Points, with coordinates along the first two principal components.

    Parameters
    ----------
    table : the tracks, from ``queries.collect_sample``
    card : the model
    n_tracks : number of all tracks
    mean, components : mean of the scaled coordinates, and the two components as rows, from ``sums.principal_axes``
    """
    columns = {name: table.column(name).to_numpy().astype(float) for name in (*schema.FEATURE_NAMES, "year")}
    values = {name: columns[name] for name in schema.FEATURE_NAMES if table.column(name).null_count < len(table)}
    scaled = scale_features(card, np.stack([columns[name] for name in card.features], axis=1))
    projected = (scaled - mean) @ components.T
    texts = zip(*(table.column(name).to_pylist() for name in ("track_id", "title", "artist")), strict=True)
    return numbers.Points(
        tracks=[numbers.TrackReference(track_id, title or "", artist or "") for track_id, title, artist in texts],
        cluster=table.column("cluster").to_pylist(),
        values=values,
        x=projected[:, 0],
        y=projected[:, 1],
        n_tracks=n_tracks,
    )


def _correlations(totals: sums.Sums, names: list[str]) -> numbers.Correlations:
    """Return the pairwise correlations of the numeric columns ``names``."""
    r, n_tracks = sums.correlation(totals)
    indices = [sums.NUMBERS.index(name) for name in names]
    return numbers.Correlations(names, r[np.ix_(indices, indices)], n_tracks[np.ix_(indices, indices)])


def _distribution(totals: sums.Sums, name: str, n_tracks: int) -> numbers.Distribution:
    """Return the histogram and the quartiles of a numeric column. The histogram has at most ``_MAX_BARS`` + 1 bars.

    At each end, at most 0.5 % of the tracks (``_TAIL``) are beyond the bars, or more if more tracks are outside the
    column's range. All bars have the same width; only the last one may be narrower, at the end of the range.

    Parameters
    ----------
    totals : the sums over all tracks
    name : name of the column
    n_tracks : number of all tracks
    """
    histogram = totals[sums.HISTOGRAM, sums.NUMBERS.index(name)]
    fine = histogram[1:-1]
    ends = sums.edges(name, len(fine))
    low, q1, median, q3, high = sums.quantiles(totals, name, [_TAIL, 0.25, 0.5, 0.75, 1 - _TAIL])
    first = int(np.searchsorted(ends, low, "right")) - 1
    last = max(int(np.searchsorted(ends, high, "left")), first + 1)
    step = next(
        sums.BINS_PER_STEP * steps for steps in _BAR_STEPS if last - first <= _MAX_BARS * sums.BINS_PER_STEP * steps
    )
    first, last = first // step * step, min(-(-last // step) * step, len(fine))
    starts = np.arange(first, last, step)
    counts = np.add.reduceat(fine[first:last], starts - first)
    return numbers.Distribution(
        name=name,
        edges=[float(ends[i]) for i in [*starts, last]],
        counts=[int(count) for count in counts],
        n_outside=int(histogram.sum() - counts.sum()),
        n_missing=int(n_tracks - histogram.sum()),
        q1=q1,
        median=median,
        q3=q3,
    )


def _popularity(totals: sums.Sums, names: Sequence[str]) -> list[numbers.Popularity]:
    """Return the mean popularity in the bins of each numeric column, as a list with one numbers.Popularity per column.

    Bins of fewer than ``_MIN_TRACKS_PER_BIN`` tracks are left out. Columns with fewer than ``_MIN_BINS`` remaining bins
    are left out too.
    """
    if "popularity" not in names:
        return []
    result = []
    for name in names:
        if name == "popularity":
            continue
        counts, popularities = totals[sums.POPULARITY_BY_BIN, sums.NUMBERS.index(name)].reshape(2, -1)
        ends = sums.edges(name, sums.N_COARSE)
        bins = np.flatnonzero(counts >= _MIN_TRACKS_PER_BIN)
        if len(bins) >= _MIN_BINS:
            centres = ((ends[:-1] + ends[1:]) / 2)[bins]
            means = (popularities / np.maximum(counts, 1))[bins]
            sizes = [int(count) for count in counts[bins]]
            result.append(numbers.Popularity(name, centres.tolist(), means.tolist(), sizes))
    return result


def _years(rows: Sequence[Row]) -> numbers.Years:
    """Convert the result of ``queries.collect_years`` to numbers.Years."""
    means = {name: [row[name] for row in rows] for name in schema.FEATURE_NAMES}
    return numbers.Years([row.year for row in rows], [row.n_tracks for row in rows], means)


def _agreement(
    card: ModelCard, chosen: Row, genres: Sequence[tuple[str, int]], shares: sums.Floats | None
) -> numbers.Agreement | None:
    """Return the agreement of clusters and genres; None without ``shares``. ``chosen`` is a row of ``k_scores``."""
    if shares is None:
        return None
    names, counts = [name for name, _ in genres], [count for _, count in genres]
    scores = chosen.genre_nmi, chosen.genre_ari, chosen.genre_purity
    return numbers.Agreement(*scores, names, shares, counts, supervised=card.discriminants is not None)


def _similar_tracks(aggregates: _Aggregates, names: Sequence[str]) -> list[numbers.SimilarTracks]:
    """Return the lists of similar tracks with the reasons in words, in the order of ``aggregates.searchable``.

    ``names`` are the numeric columns that reasons may name.
    """
    terciles = {}
    for name in names:
        low, high = sums.quantiles(aggregates.totals, name, [1 / 3, 2 / 3])
        terciles[name] = (low, high)
    lists: dict[str, numbers.SimilarTracks] = {}
    for row in aggregates.lists:
        owner, track = row.owner, row.track
        entry = lists.setdefault(owner.track_id, numbers.SimilarTracks(_reference(owner), owner.cluster, []))
        why = [name for name in row.why if name in terciles or name == KEY]
        reason = describe_reasons(why, owner.asDict(), track.asDict(), terciles)
        entry.neighbours.append(numbers.Neighbour(_reference(track), track.cluster, reason))
    return [lists[track_id] for track_id in aggregates.searchable if track_id in lists]
