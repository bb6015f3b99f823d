"""Generate a synthetic catalogue of any size with Spark; no track, artist or album in it is real.

* ``synthetic_tracks`` returns the tracks with typed columns; ``as_table_rows`` converts them to rows of the table
  ``tracks``.
* ``synthetic_kaggle_rows`` returns the same tracks as text, in the columns of the Kaggle file of 2,000 tracks. Some
  rows have a fault, such as an empty title.
* ``write_csv`` writes rows to one CSV file.

Every value depends only on the seed and the row's number. So partitions and machines do not affect the result, and a
larger catalogue begins with the rows of a smaller one.
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
