"""Draw the figures of the page from the numbers of a report, by name."""

import plotly.graph_objects as go

from segue.report import figures, findings
from segue.report.numbers import ReportNumbers

_START_AXES = ("bpm", "energy", "danceability")


def page_figures(numbers: ReportNumbers) -> dict[str, go.Figure]:
    """Return every figure of the page by name; figures without numbers are left out.

    Names: ``cluster_map``, ``scatter_3d``, ``silhouette_by_k``, ``inertia_by_k``, ``silhouette_by_cluster``,
    ``correlations``, ``distribution_FEATURE``, ``tracks_by_year``, ``feature_by_year``, ``genres``, ``artists``,
    ``popularity_FEATURE``, ``genre_heatmap``.
    """
    points, clusters, years, agreement = numbers.points, numbers.clusters, numbers.years, numbers.agreement
    titles, artists = [track.title for track in points.tracks], [track.artist for track in points.tracks]
    ks = [score.k for score in numbers.k_scores]
    silhouettes, inertias = [s.silhouette for s in numbers.k_scores], [s.inertia for s in numbers.k_scores]
    drawn = {
        "cluster_map": figures.cluster_map(
            points.x, points.y, points.cluster, titles, artists,
            centres=numbers.projection.centres,
            explained_variance_ratio=numbers.projection.explained_variance_ratio,
        ),
        "scatter_3d": figures.scatter_3d(points.values, points.cluster, titles, artists, axes=start_axes(numbers)),
        "silhouette_by_k": figures.k_scores(ks, silhouettes, numbers.k, score_name="Silhouette"),
        "inertia_by_k": figures.k_scores(ks, inertias, numbers.k, score_name="Inertia"),
        "silhouette_by_cluster": figures.silhouettes(
            [c.number for c in clusters], [c.silhouette for c in clusters], mean=numbers.silhouette
        ),
        "correlations": figures.correlations(numbers.correlations.names, numbers.correlations.r),
    }  # fmt: skip
    for histogram in numbers.distributions:
        drawn[f"distribution_{histogram.name}"] = figures.distribution(
            histogram.name, histogram.edges, histogram.counts
        )
    if years:
        feature = start_year_feature(numbers)
        drawn["tracks_by_year"] = figures.by_year("tracks", years.years, years.counts)
        drawn["feature_by_year"] = figures.by_year(feature, years.years, years.means[feature])
    if numbers.genres:
        drawn["genres"] = figures.ranking(*zip(*numbers.genres, strict=True), unit="tracks")
    if numbers.artists:
        drawn["artists"] = figures.ranking(*zip(*numbers.artists, strict=True), unit="tracks")
    for item in numbers.popularity:
        drawn[f"popularity_{item.name}"] = figures.popularity(item.name, item.bin_centres, item.means, item.counts)
    if agreement:
        drawn["genre_heatmap"] = figures.genre_heatmap(agreement.genres, [c.number for c in clusters], agreement.shares)
    return drawn


def start_axes(numbers: ReportNumbers) -> tuple[str, str, str]:
    """Return the features that the 3-D scatter shows first: bpm, energy and danceability, or others that exist."""
    available = list(numbers.points.values)
    preferred = [name for name in _START_AXES if name in available]
    x, y, z = (preferred + [name for name in available if name not in preferred] + preferred * 3 + available * 3)[:3]
    return x, y, z


def start_year_feature(numbers: ReportNumbers) -> str:
    """Return the feature that the figure by year shows first: the one most correlated with the year."""
    features = list(numbers.points.values)
    pairs = [findings.pair_correlation(numbers.correlations, "year", name) for name in features]
    return max((pair for pair in pairs if pair), key=lambda pair: abs(pair.r)).other if any(pairs) else features[0]
