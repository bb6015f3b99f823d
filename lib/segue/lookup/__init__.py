"""Look-ups in the tables of an output without a JVM, as the command ``segue`` shows them.

>>> from segue.lookup import similar
>>> similar("out/demo", "bohemian rhapsody").similar  # doctest: +SKIP
"""

from segue.lookup.answers import Answer, clusters, figure, figures, runs, similar

__all__ = ["Answer", "clusters", "figure", "figures", "runs", "similar"]
