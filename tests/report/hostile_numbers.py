"""The numbers of a report with hostile texts: markup, templates, control characters, long lines."""

from dataclasses import replace
from itertools import cycle

from tests.report import report_numbers

from segue.report import numbers

SHOWN = {
    "</script><script>alert(1)</script>": "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "<b>x</b>": "<b>x</b>",
    '" onmouseover="alert(1)" x=\'': '" onmouseover="alert(1)" x=\'',
    "{{7*7}}": "{{7*7}}",
    "{% raw %}": "{% raw %}",
    "javascript:alert(1)": "javascript:alert(1)",
    '<a href="javascript:alert(1)">x</a>': '<a href="javascript:alert(1)">x</a>',
    "%{x} %{customdata[0]}": "%{x} %{customdata[0]}",
    "&lt;": "&lt;",
    "$x^2$": "$x^2$",
    "שלום עולם": "שלום עולם",
    "مرحبا 12": "مرحبا 12",
    "\u202egnp.exe": "gnp.exe",  # the override of the text direction is removed
    "👩\u200d👩\u200d👧 family": "👩\u200d👩\u200d👧 family",
    "می\u200cخواهم": "می\u200cخواهم",  # noqa: RUF001  # joiners belong to the word
    "zero\u200bwidth\ufeff": "zero width",
    "lone \ud800 surrogate": "lone surrogate",
    "nul\x00 bell\x07 esc\x1b[31m": "nul bell esc [31m",
    "x" * 2000: "x" * 119 + "…",
    "line\u2028two\u2029three\r\nfour": "line two three four",
    "   ": "",
}
"""By hand: each text, and how a title of it is shown (at most 120 characters)."""
TEXTS = list(SHOWN)


def full() -> numbers.ReportNumbers:
    """Return ``report_numbers.full()`` with hostile texts from files, settings and the model."""
    texts = cycle(TEXTS)
    base = report_numbers.full()

    def hostile_track() -> numbers.TrackReference:
        return numbers.TrackReference(next(texts), next(texts), next(texts))

    # every text is the title of a track on the maps, with a list of similar tracks
    tracks = [numbers.TrackReference(text, text, text) for text in TEXTS]
    indices = [point % len(TEXTS) for point in range(30)]
    neighbours = [numbers.Neighbour(track, 1 + i % 3, track.title) for i, track in enumerate(tracks)]
    return replace(
        base,
        clusters=[
            replace(
                cluster,
                description=text,
                genres=[numbers.GenreShare(name, 0.5, 1.5) for name in TEXTS[index::3]],
                artists=[(name, 3) for name in TEXTS[index::3]],
                exemplars=[hostile_track() for _ in cluster.exemplars],
            )
            for index, (cluster, text) in enumerate(
                zip(base.clusters, ("x" * 2000, "</script><script>alert(1)</script>", "lone \ud800"), strict=True)
            )
        ],
        points=replace(base.points, tracks=[tracks[index] for index in indices]),
        rejections=numbers.Rejections({"invalid": len(TEXTS)}, [(text, 1) for text in TEXTS]),
        provenance=replace(
            base.provenance,
            model_version=next(texts),
            engine=next(texts),
            space="x" * 2000,
            tables=dict.fromkeys(TEXTS, 1),
            settings={
                "report": {text: text for text in TEXTS},
                "features": {"columns": TEXTS, "weights": dict.fromkeys(TEXTS, 0.5)},
            },
            versions={text: text for text in TEXTS},
        ),
        genres=[(text, 9) for text in TEXTS],
        artists=[(text, 9) for text in TEXTS],
        agreement=replace(base.agreement, genres=TEXTS[:2]),
        similar_tracks=[numbers.SimilarTracks(track, 1 + i % 3, neighbours[:10]) for i, track in enumerate(tracks)],
    )
