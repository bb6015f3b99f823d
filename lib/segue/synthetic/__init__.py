"""A synthetic catalogue of any size, made on the cluster: no track, artist or album in it is real.

``synthetic_tracks`` gives typed tracks, ``synthetic_kaggle_rows`` the same tracks as the text rows of the
Kaggle 2,000 set with a few rows broken on purpose, and ``write_csv`` one file of those. Every value is a
function of the seed and the row's number alone: partitions and cluster size change nothing, and a larger
catalogue begins with the smaller one.
"""

from segue.synthetic.kaggle import FAULTS, KAGGLE_HEADER, ROWS_PER_FAULT, synthetic_kaggle_rows, write_csv
from segue.synthetic.tracks import TRACK_COLUMNS, synthetic_tracks

__all__ = [
    "FAULTS",
    "KAGGLE_HEADER",
    "ROWS_PER_FAULT",
    "TRACK_COLUMNS",
    "synthetic_kaggle_rows",
    "synthetic_tracks",
    "write_csv",
]
