"""Numbers become one self-contained page; no Spark here.

Nothing of the catalogue is ever code: Jinja escapes what stands in the page, data stands in JSON blocks that no script
tag can end, plotly gets texts without tags, and a content security policy lets only the page's own two scripts run.
"""

import hashlib
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
from segue.report.figures.style import CONFIG, cluster_colour, short
from segue.report.numbers import Cluster, ReportNumbers, TrackReference

_FAR = 2.5
_START = {"x": "bpm", "y": "energy", "z": "danceability"}
_ORIGIN = re.compile(r'<meta name="segue-made-from" content="([0-9a-f]+)">')
_WEB = {
    name: (files("segue.report") / "web" / name).read_text("utf-8") for name in ("page.html", "page.css", "page.js")
}
DESIGN = hashlib.sha256("".join(_WEB.values()).encode("utf-8")).hexdigest()[:16]
"""What changes when the page's own look does."""


def origin_of(text: str) -> str | None:
    """Return what a page says that it was made from."""
    found = _ORIGIN.search(text[:4000])
    return found[1] if found else None


def render(catalogue: ReportNumbers, origin: str) -> str:
    """Return the page. The same numbers give the same text.

    Parameters
    ----------
    catalogue : what it shows
    origin : hexadecimal digits, to be found again by ``origin_of``
    """
    drawn = drawings(catalogue)
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
        "data": Markup(escaping.json_text(_data(catalogue, drawn))),
        "figures": [(name, Markup(escaping.json_text(figure.to_plotly_json()))) for name, figure in drawn.items()],
    }
    return environment.from_string(_WEB["page.html"]).render(
        c=catalogue,
        origin=origin,
        policy=escaping.content_security_policy(plotly, script),
        heights={name: figure.layout.height for name, figure in drawn.items()},
        **safe,
        **_told(catalogue),
    )


def drawings(found: ReportNumbers) -> dict[str, go.Figure]:
    """Return every figure of the page, by its name there."""
    points = found.points
    titles, artists = [one.title for one in points.tracks], [one.artist for one in points.tracks]
    ks = [score.k for score in found.scores]
    clusters = found.clusters
    made = {
        "cluster_map": figures.cluster_map(
            points.x, points.y, points.cluster, titles, artists,
            centres=found.map.centres, explained=found.map.explained,
        ),
        "scatter_3d": figures.scatter_3d(points.values, points.cluster, titles, artists, axes=_axes(found)),
        "silhouette_by_k": figures.k_scores(
            ks, [score.silhouette for score in found.scores], found.chosen, what="Silhouette"
        ),
        "inertia_by_k": figures.k_scores(ks, [score.inertia for score in found.scores], found.chosen, what="Inertia"),
        "silhouette_by_cluster": figures.silhouettes(
            [c.number for c in clusters], [c.silhouette for c in clusters], mean=found.silhouette
        ),
        "correlations": figures.correlations(found.correlations.names, found.correlations.r),
    }  # fmt: skip
    for one in found.distributions:
        made[f"distribution_{one.name}"] = figures.distribution(one.name, one.edges, one.counts)
    if found.years:
        years = found.years
        made["tracks_by_year"] = figures.by_year("tracks", years.years, years.counts)
        made["feature_by_year"] = figures.by_year(_year_start(found), years.years, years.means[_year_start(found)])
    if found.genres:
        made["genres"] = figures.ranking(*zip(*found.genres, strict=True), what="tracks")
    if found.artists:
        made["artists"] = figures.ranking(*zip(*found.artists, strict=True), what="tracks")
    for item in found.popularity:
        made[f"popularity_{item.name}"] = figures.popularity(item.name, item.middles, item.means, item.counts)
    if found.agreement:
        made["genre_heatmap"] = figures.genre_heatmap(
            found.agreement.genres, [c.number for c in clusters], found.agreement.shares
        )
    return made


def _axes(found: ReportNumbers) -> tuple[str, str, str]:
    """Return bpm, energy and danceability, or what the catalogue has instead."""
    known = list(found.points.values)
    wanted = [name for name in _START.values() if name in known]
    x, y, z = (wanted + [name for name in known if name not in wanted] + wanted * 3 + known * 3)[:3]
    return x, y, z


def _year_start(found: ReportNumbers) -> str:
    """Return the feature that has changed most over the years."""
    pairs = [findings.relation(found.correlations, "year", name) for name in found.points.values]
    known = [pair for pair in pairs if pair]
    return max(known, key=lambda pair: abs(pair.r)).other if known else next(iter(found.points.values))


def _told(found: ReportNumbers) -> dict[str, Any]:
    """Return everything that the page says in words."""
    loadings = found.map.loadings
    pairs = findings.correlation_sentences(found.correlations)
    return {
        "headline": findings.headline(found.chosen),
        "lead": findings.lead(found),
        "day": f"{datetime.fromisoformat(found.provenance.labeled_at):%d %B %Y}".lstrip("0"),
        "verdict": findings.silhouette_word(found.silhouette),
        "n_invalid": found.rejections.kinds.get("invalid", 0),
        "n_duplicate": found.rejections.kinds.get("duplicate", 0),
        "largest": max((c.n_tracks for c in found.clusters), default=1) or 1,
        "bars": {c.number: _bars(c) for c in found.clusters},
        "right": findings.loading_sentence([(name, pair[0]) for name, pair in loadings.items()], "right"),
        "up": findings.loading_sentence([(name, pair[1]) for name, pair in loadings.items()], "up"),
        "axes": [(name, feature_labels.label_with_unit(name)) for name in found.points.values],
        "start": dict(zip("xyz", _axes(found), strict=True)),
        "choice": findings.choice_sentence(found, found.provenance.rule),
        "by_cluster": ", ".join(f"{c.number} {c.silhouette:.2f}" for c in found.clusters),
        "data_title": findings.correlation_title(found.correlations),
        "findings": pairs,
        "year_told": findings.year_sentence(found.years, found.correlations),
        "year_start": _year_start(found),
        "popularity_told": findings.popularity_sentences(found.correlations),
        "agreement_told": findings.agreement_sentences(found.agreement) if found.agreement else [],
        "missing": ", ".join(
            f"{one.missing:,} tracks without {feature_labels.NAMES[one.name]}"
            for one in found.distributions
            if one.missing
        ),
        "provenance": _provenance(found),
    }


def _bars(found: Cluster) -> list[dict[str, str]]:
    """Return a bar for each feature: to the right of the middle for more, to the left for less."""
    told = []
    for name, mean in found.means.items():
        deviation = found.deviations.get(name, 0.0)
        width = 50 * min(abs(deviation), _FAR) / _FAR
        left = 50.0 if deviation >= 0 else 50 - width
        told.append(
            {
                "name": feature_labels.NAMES[name].capitalize(),
                "style": f"left:{left:.1f}%;width:{width:.1f}%",
                "value": feature_labels.format_value(name, mean),
                "told": f"{abs(deviation):.1f} standard deviations {'above' if deviation >= 0 else 'below'} the middle",
            }
        )
    return told


def _provenance(found: ReportNumbers) -> list[tuple[str, str]]:
    made = found.provenance
    settings = [
        (f"{section}.{name}" if isinstance(values, Mapping) else section, value)
        for section, values in sorted(made.settings.items())
        for name, value in (values.items() if isinstance(values, Mapping) else [("", values)])
    ]
    return [
        ("Model", made.model_version),
        ("Trained", _moment(made.trained_at)),
        ("Labeled", _moment(made.labeled_at)),
        ("Space", made.space),
        ("Engine", f"{made.engine}, {made.restarts} restarts"),
        ("Tables", ", ".join(f"{name} version {version}" for name, version in sorted(made.tables.items()))),
        ("Versions", ", ".join(f"{name} {version}" for name, version in sorted(made.versions.items()))),
        *((name, _value(value)) for name, value in settings),
    ]


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        numbers = all(isinstance(item, int) for item in value) and len(value) > 2
        if numbers and list(value) == list(range(value[0], value[-1] + 1)):
            return f"{value[0]} to {value[-1]}"
        return ", ".join(map(_value, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items()) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _data(found: ReportNumbers, drawn: Mapping[str, go.Figure]) -> dict[str, Any]:
    """Return what the page's script needs beside the figures."""
    numbers = np.array(found.points.cluster)
    members = [np.flatnonzero(numbers == trace.meta["cluster"]) for trace in drawn["scatter_3d"].data]
    values = {
        name: [np.round(column[places] * feature_labels.display_factor(name), 2).tolist() for places in members]
        for name, column in found.points.values.items()
    }
    years = {}
    if found.years:
        for name in found.points.values:
            line = figures.by_year(name, found.years.years, found.years.means[name]).data[0]
            years[name] = {"y": list(line.y), "customdata": list(line.customdata)}
    similar = [
        {
            **_texts(one.track),
            "cluster": one.cluster,
            "near": [{**_texts(near.track), "cluster": near.cluster, "why": near.why} for near in one.near],
        }
        for one in found.similar
    ]
    used = {c.number for c in found.clusters} | {one.cluster for one in found.similar}
    return {
        "config": CONFIG,
        "values": values,
        "titled": {name: feature_labels.label_with_unit(name) for name in found.points.values},
        "years": years,
        "similar": similar,
        "colours": {number: cluster_colour(number) for number in sorted(used)},
    }


def _texts(track: TrackReference) -> dict[str, str]:
    return {"title": short(track.title), "artist": short(track.artist)}


_FILTERS = {
    "short": short,
    "count": lambda number: f"{number:,}",
    "plural": lambda word, number: word if number == 1 else f"{word}s",
    "percent": findings.percent,
    "spelled": feature_labels.spell_number,
    "human": lambda name: feature_labels.NAMES[name].capitalize(),
    "shown": lambda value, name: feature_labels.format_value(name, value),
    "colour": cluster_colour,
    "first_upper": lambda text: text[:1].upper() + text[1:],
}
