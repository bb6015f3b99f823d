"""Render the numbers of a report as one self-contained HTML page, and as JSON for programs.

No text of the catalogue runs as code in the page. Jinja escapes texts. Data are JSON in script elements;
``escaping.json_text`` escapes characters that could end a script element. ``style.plotly_text`` escapes texts in
figures. A content security policy allows only the page's own two scripts.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from segue.report import escaping, feature_labels, figures, findings
from segue.report.escaping import json_value
from segue.report.figures.style import CONFIG, cluster_colour, one_line
from segue.report.numbers import Cluster, Provenance, ReportNumbers, TrackReference

_MAX_DEVIATION = 2.5
"""Number of standard deviations shown by a bar of full length.

A bar shows the difference of a cluster's mean from the mean of all tracks.
"""
_ORIGIN = re.compile(r'<meta name="segue-made-from" content="([0-9a-f]+)">')
_WEB = {
    name: (files("segue.report") / "web" / name).read_text("utf-8") for name in ("page.html", "page.css", "page.js")
}
TEMPLATE_HASH = hashlib.sha256("".join(_WEB.values()).encode("utf-8")).hexdigest()[:16]
"""Hash of the page's template, style sheet and script."""


def origin_of(text: str) -> str | None:
    """Return the ``origin`` stored by ``render`` in an HTML report; None if the text is no such report.

    The origin is a hash, in hexadecimal digits, of all inputs of the report: model, descriptions of the clusters, table
    versions, settings, version of segue and template.
    """
    match = _ORIGIN.search(text[:4000])
    return match[1] if match else None


def render(numbers: ReportNumbers, origin: str) -> str:
    """Render the report as the text of one self-contained HTML page. The same numbers give the same text.

    Parameters
    ----------
    numbers : the numbers of the report
    origin : hash of the report's inputs, in hexadecimal digits; stored in the page for ``origin_of``
    """
    drawn = page_figures(numbers)
    plotly, script = get_plotlyjs(), _WEB["page.js"]
    # guard: page-texts-escaped
    # -> environment = jinja2.Environment(
    # ->     trim_blocks=True, undefined=jinja2.StrictUndefined, finalize=escaping.visible_text
    # -> )
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined, finalize=escaping.visible_text
    )
    environment.filters |= _FILTERS
    safe = {
        "css": Markup(_WEB["page.css"]),
        "plotly": Markup(plotly),
        "script": Markup(script),
        "data": Markup(escaping.json_text(_script_data(numbers, drawn))),
        "figures": [(name, Markup(escaping.json_text(figure.to_plotly_json()))) for name, figure in drawn.items()],
    }
    return environment.from_string(_WEB["page.html"]).render(
        numbers=numbers,
        origin=origin,
        policy=escaping.content_security_policy(plotly, script),
        heights={name: figure.layout.height for name, figure in drawn.items()},
        **safe,
        **_texts(numbers),
    )


def _texts(numbers: ReportNumbers) -> dict[str, Any]:
    """Return the texts and numbers for the template of the page: a dict from name in the template to value."""
    loadings = numbers.projection.loadings
    agreement = numbers.agreement
    return {
        "headline": findings.headline(numbers.k),
        "lead": findings.lead(numbers),
        "day": f"{datetime.fromisoformat(numbers.provenance.labeled_at):%d %B %Y}".lstrip("0"),
        "silhouette_word": findings.silhouette_word(numbers.silhouette),
        "n_invalid": numbers.rejections.kinds.get("invalid", 0),
        "n_duplicate": numbers.rejections.kinds.get("duplicate", 0),
        "largest": max((c.n_tracks for c in numbers.clusters), default=1) or 1,
        "bars": {c.number: _bars(c) for c in numbers.clusters},
        "right": findings.loading_sentence([(name, pair[0]) for name, pair in loadings.items()], "right"),
        "up": findings.loading_sentence([(name, pair[1]) for name, pair in loadings.items()], "up"),
        "axes": [(name, feature_labels.label_with_unit(name)) for name in numbers.points.values],
        "start_axes": dict(zip("xyz", start_axes(numbers), strict=True)),
        "choice": findings.choice_sentence(numbers, numbers.provenance.rule),
        "by_cluster": ", ".join(f"{c.number} {c.silhouette:.2f}" for c in numbers.clusters),
        "data_title": findings.correlation_title(numbers.correlations),
        "correlation_texts": findings.correlation_sentences(numbers.correlations),
        "year_text": findings.year_sentence(numbers.years, numbers.correlations),
        "start_year_feature": start_year_feature(numbers),
        "popularity_texts": findings.popularity_sentences(numbers.correlations),
        "agreement_texts": findings.agreement_sentences(agreement) if agreement else [],
        "missing": ", ".join(
            f"{histogram.n_missing:,} tracks without {feature_labels.NAMES[histogram.name]}"
            for histogram in numbers.distributions
            if histogram.n_missing
        ),
        "provenance": _provenance_rows(numbers.provenance),
    }


def _bars(cluster: Cluster) -> list[dict[str, str]]:
    """Return the texts of a cluster's bars, one dict per feature: ``name``, ``style`` (CSS), ``value`` and ``label``.

    ``value`` is the cluster's mean. The length of a bar is proportional to the difference from the mean of all tracks,
    up to ``_MAX_DEVIATION`` standard deviations. The bar points to the right if the cluster's mean is higher.
    """
    bars = []
    for name, mean in cluster.means.items():
        deviation = cluster.deviations.get(name, 0.0)
        width = 50 * min(abs(deviation), _MAX_DEVIATION) / _MAX_DEVIATION
        left = 50.0 if deviation >= 0 else 50 - width
        side = "above" if deviation >= 0 else "below"
        bars.append(
            {
                "name": feature_labels.NAMES[name].capitalize(),
                "style": f"left:{left:.1f}%;width:{width:.1f}%",
                "value": feature_labels.format_value(name, mean),
                "label": f"{abs(deviation):.1f} standard deviations {side} the mean",
            }
        )
    return bars


def _provenance_rows(provenance: Provenance) -> list[tuple[str, str]]:
    """Return the rows of the page's table of model, settings and versions: a list of pairs (name, value)."""
    settings = [
        (f"{section}.{name}" if isinstance(values, Mapping) else section, value)
        for section, values in sorted(provenance.settings.items())
        for name, value in (values.items() if isinstance(values, Mapping) else [("", values)])
    ]
    return [
        ("Model", provenance.model_version),
        ("Trained", _format_time(provenance.trained_at)),
        ("Labeled", _format_time(provenance.labeled_at)),
        ("Space", provenance.space),
        ("Engine", f"{provenance.engine}, {provenance.restarts} restarts"),
        ("Tables", ", ".join(f"{name} version {version}" for name, version in sorted(provenance.tables.items()))),
        ("Versions", ", ".join(f"{name} {version}" for name, version in sorted(provenance.versions.items()))),
        *((name, _format_setting(value)) for name, value in settings),
    ]


def _format_time(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _format_setting(value: Any) -> str:
    """Return a setting's value as text: "2 to 20" for consecutive integers, "none" for None and [], "yes" for True."""
    if isinstance(value, list | tuple):
        all_integers = all(isinstance(item, int) for item in value) and len(value) > 2
        if all_integers and list(value) == list(range(value[0], value[-1] + 1)):
            return f"{value[0]} to {value[-1]}"
        return ", ".join(map(_format_setting, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_format_setting(item)}" for name, item in value.items()) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _script_data(numbers: ReportNumbers, drawn: Mapping[str, go.Figure]) -> dict[str, Any]:
    """Return the data for the page's script, as a dict of values for JSON.

    For each feature that readers can select for an axis: its values, its label, and its means by year. Besides these:
    the lists of similar tracks, the colours of the clusters, and the configuration of plotly.
    """
    cluster = np.array(numbers.points.cluster)
    rows_by_trace = [np.flatnonzero(cluster == trace.meta["cluster"]) for trace in drawn["scatter_3d"].data]
    values = {
        name: [np.round(column[rows] * feature_labels.display_factor(name), 2).tolist() for rows in rows_by_trace]
        for name, column in numbers.points.values.items()
    }
    years = {}
    if numbers.years:
        for name in numbers.points.values:
            line = figures.by_year(name, numbers.years.years, numbers.years.means[name]).data[0]
            years[name] = {"y": list(line.y), "customdata": list(line.customdata)}
    similar = [
        {
            **_track_texts(entry.track),
            "cluster": entry.cluster,
            "neighbours": [
                {**_track_texts(neighbour.track), "cluster": neighbour.cluster, "reason": neighbour.reason}
                for neighbour in entry.neighbours
            ],
        }
        for entry in numbers.similar_tracks
    ]
    clusters = {c.number for c in numbers.clusters} | {entry.cluster for entry in numbers.similar_tracks}
    return {
        "config": CONFIG,
        "values": values,
        "labels": {name: feature_labels.label_with_unit(name) for name in numbers.points.values},
        "years": years,
        "similar": similar,
        "colours": {number: cluster_colour(number) for number in sorted(clusters)},
    }


def _track_texts(track: TrackReference) -> dict[str, str]:
    return {"title": one_line(track.title), "artist": one_line(track.artist)}


_FILTERS = {
    "one_line": one_line,
    "count": lambda number: f"{number:,}",
    "plural": lambda word, number: word if number == 1 else f"{word}s",
    "percent": findings.percent,
    "spelled": feature_labels.spell_number,
    "feature_name": lambda name: feature_labels.NAMES[name].capitalize(),
    "format_value": lambda value, name: feature_labels.format_value(name, value),
    "colour": cluster_colour,
    "first_upper": lambda text: text[:1].upper() + text[1:],
}


_START_AXES = ("bpm", "energy", "danceability")


def page_figures(numbers: ReportNumbers) -> dict[str, go.Figure]:
    """Draw all figures of the page: return a dict from the figure's name to a plotly Figure.

    The names are ``cluster_map``, ``scatter_3d``, ``silhouette_by_k``, ``inertia_by_k``, ``silhouette_by_cluster``,
    ``correlations``, ``distribution_FEATURE``, ``tracks_by_year``, ``feature_by_year``, ``genres``, ``artists``,
    ``popularity_FEATURE`` and ``genre_heatmap``. A figure is left out if the catalogue lacks the data for it, such as
    years or genres.
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
    """Return the names of the three features on the initial axes of the 3-D scatter.

    The three are bpm, energy and danceability. A feature without any value is replaced by another feature. If fewer
    than three features have values, names are repeated.
    """
    available = list(numbers.points.values)
    preferred = [name for name in _START_AXES if name in available]
    x, y, z = (preferred + [name for name in available if name not in preferred] + preferred * 3 + available * 3)[:3]
    return x, y, z


def start_year_feature(numbers: ReportNumbers) -> str:
    """Return the feature to show first in the figure by year: the one most correlated with the year.

    If no correlation can be computed, for example without years, it is the first feature.
    """
    features = list(numbers.points.values)
    pairs = [findings.pair_correlation(numbers.correlations, "year", name) for name in features]
    return max((pair for pair in pairs if pair), key=lambda pair: abs(pair.r)).other if any(pairs) else features[0]


def render_json(numbers: ReportNumbers, origin: str) -> str:
    """Return the text of ``report.json``: all numbers and figures of a report. The same numbers give the same text.

    The text is a JSON object with the JSON keys below. All JSON keys are sorted, and NaN is written as null.

    ``figures``
        Every figure by its name (see ``page_figures``): a plotly figure with ``data`` and ``layout``.
    ``numbers``
        The fields of ``numbers.ReportNumbers`` by name, nested like its dataclasses; arrays are (nested) lists.
    ``origin``
        The parameter ``origin``.

    Parameters
    ----------
    numbers : the numbers of the report
    origin : hash of the report's inputs, in hexadecimal digits; stored for ``json_origin_of``
    """
    content = {
        "figures": {name: figure.to_plotly_json() for name, figure in page_figures(numbers).items()},
        "numbers": numbers,
        "origin": origin,
    }
    text = json.dumps(json_value(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
    return text + "\n"


def json_origin_of(text: str) -> str | None:
    """Return the ``origin`` stored by ``render_json`` in a ``report.json``; None if the text is no such report.

    The origin is a hash of all inputs of the report.
    """
    try:
        content = json.loads(text)
    except ValueError:
        return None
    origin = content.get("origin") if isinstance(content, dict) else None
    return origin if isinstance(origin, str) else None
