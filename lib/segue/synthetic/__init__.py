"""Generate a synthetic catalogue of any size on the cluster; no track, artist or album in it is real.

``synthetic_tracks`` returns typed tracks, ``synthetic_kaggle_rows`` the same tracks as text rows in the columns of the
Kaggle 2,000 set, some with a fault, and ``write_csv`` writes those to one file. Every value is a function of the seed
and the row's number alone, so the result depends neither on partitions nor on the cluster, and the first rows of a
larger catalogue are those of a smaller one.
"""

from segue.synthetic.kaggle import FAULTS, KAGGLE_HEADER, ROWS_PER_FAULT, synthetic_kaggle_rows, write_csv
from segue.synthetic.tracks import TRACK_COLUMNS, as_table_rows, synthetic_tracks

__all__ = [
    "FAULTS",
    "KAGGLE_HEADER",
    "ROWS_PER_FAULT",
    "TRACK_COLUMNS",
    "as_table_rows",
    "synthetic_kaggle_rows",
    "synthetic_tracks",
    "write_csv",
]
