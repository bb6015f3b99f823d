"""Look up similar tracks, clusters, runs and figures in what a run wrote to its ``--output``, without a JVM.

The command ``segue`` prints what these functions return.

>>> from segue.lookup import similar
>>> similar("out/demo", "bohemian rhapsody").similar  # doctest: +SKIP
"""

from segue.lookup.answers import Answer, clusters, figure, figures, runs, similar

__all__ = ["Answer", "clusters", "figure", "figures", "runs", "similar"]
