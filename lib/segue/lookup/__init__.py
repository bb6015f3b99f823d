"""Look up similar tracks, clusters, runs and figures in an output folder, without a JVM.

Each function takes the path or URI of an output folder (``--output``). The command ``segue`` prints the results.

>>> from segue.lookup import similar
>>> similar("out/demo", "bohemian rhapsody").similar  # doctest: +SKIP
"""

from segue.lookup.answers import Answer, clusters, figure, figures, runs, similar

__all__ = ["Answer", "clusters", "figure", "figures", "runs", "similar"]
