"""Collect and validate the rows of files: column by column if many rows have one ColumnLayout, else row by row."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from segue.ingest.batch_validation import BatchValidator
from segue.ingest.columns.column_matching import ColumnLayout
from segue.ingest.formats import records
from segue.ingest.validation import ARROW_SCHEMA, VALUE_COLUMNS, RowValidator, text_digest

BATCH_ROWS = 4096
"""Number of rows that readers collect before they validate and yield them."""
MIN_COLUMN_ROWS = 32
"""Minimum number of rows to validate by columns, which takes as long for one row as for twenty.

Fewer rows are validated row by row.
"""
_Texts = Mapping[str, str | None]


class RowCollector:
    """Validates rows, and collects them into Arrow batches with the schema ``ARROW_SCHEMA``. Changes their order.

    Parameters
    ----------
    non_null_columns : sequence of str
        Audio features without which a row is rejected.
    """

    def __init__(self, non_null_columns: Sequence[str]) -> None:
        self._non_null_columns = non_null_columns
        self._validators: dict[ColumnLayout, tuple[RowValidator, BatchValidator]] = {}
        self._rows: dict[ColumnLayout, list[tuple[str, str, _Texts]]] = {}
        self._validated: list[list[Any]] = []
        self._n_rows = 0

    def add(self, source_file: str, raw: str, layout: ColumnLayout, texts: _Texts | str) -> None:
        """Add a row of a file.

        Parameters
        ----------
        source_file : the file's name in ``tracks``
        raw : the raw text of the row
        layout : how the columns of the file are read
        texts : the texts of the row by column of ``tracks``, such as ``{"bpm": "120.5"}``, or the reason to reject the
            row
        """
        self._n_rows += 1
        if isinstance(texts, str):
            self._add_validated(source_file, raw, dict.fromkeys(VALUE_COLUMNS), [texts])
        else:
            self._rows.setdefault(layout, []).append((source_file, raw, texts))

    def add_columns(
        self, source_file: str, raws: pa.Array, layout: ColumnLayout, texts: Mapping[str, pa.Array]
    ) -> Iterator[pa.RecordBatch]:
        """Add rows of one file as columns, while the returned iterator is consumed.

        Of ``MIN_COLUMN_ROWS`` rows or more, yields the valid rows in a batch, and collects the rejected rows. Of fewer
        rows, yields none, and collects all. ``batches`` yields the collected rows later.

        Parameters
        ----------
        source_file : the file's name in ``tracks``
        raws : the raw text of each row
        layout : how the columns of the file are read
        texts : dict from column of ``tracks`` to an array with a text per row
            A column of numbers may be an array of doubles instead. Then ``raws`` must hold the rows in JSON: rows that
            are validated one by one, such as rejected rows, get the texts of their numbers from there.
        """
        if len(raws) < MIN_COLUMN_ROWS:
            for raw, row in zip(raws.to_pylist(), _row_texts(raws, layout, texts), strict=True):
                self.add(source_file, raw, layout, row)
        else:
            yield from self._validated_columns(pa.repeat(source_file, len(raws)), raws, layout, texts)

    def batches(self, min_rows: int = 1) -> Iterator[pa.RecordBatch]:
        """Validate the collected rows, and yield them in batches. With fewer than ``min_rows`` rows, does nothing."""
        if self._n_rows < min_rows:
            return
        for layout, rows in self._rows.items():
            if len(rows) < MIN_COLUMN_ROWS:
                for row in rows:
                    self._validate_row(layout, *row)
            else:
                source_files, raws, texts = zip(*rows, strict=True)
                columns = {name: pa.array([row[name] for row in texts], pa.string()) for name in layout.columns}
                yield from self._validated_columns(pa.array(source_files), pa.array(raws), layout, columns)
        self._rows = {}
        if self._validated:
            arrays = [
                pa.array(c, f.type) for c, f in zip(zip(*self._validated, strict=True), ARROW_SCHEMA, strict=True)
            ]
            self._validated = []
            yield pa.RecordBatch.from_arrays(arrays, schema=ARROW_SCHEMA)
        self._n_rows = 0

    def _validated_columns(
        self, source_files: pa.Array, raws: pa.Array, layout: ColumnLayout, texts: Mapping[str, pa.Array]
    ) -> Iterator[pa.RecordBatch]:
        """Validate rows by columns; yield a batch of the valid rows, and collect the rejected rows with their reasons.

        All arrays have one entry per row; ``texts`` has an array for each column of ``tracks`` in the file.
        """
        values, valid = self._validators_of(layout)[1].validate(texts, len(raws))
        hashes = pa.array(map(text_digest, raws.to_pylist()), pa.string())
        no_reasons = pa.ListArray.from_arrays(np.zeros(len(raws) + 1, dtype=np.int32), pa.array([], pa.string()))
        columns = [source_files, raws, hashes, no_reasons, *(values[name] for name in VALUE_COLUMNS)]
        batch = pa.RecordBatch.from_arrays(columns, schema=ARROW_SCHEMA)
        if valid.all():
            yield batch
            return
        yield batch.filter(pa.array(valid))
        indices = pa.array(np.flatnonzero(~valid))
        self._n_rows += len(indices)
        source_files, raws = source_files.take(indices), raws.take(indices)
        rows = _row_texts(raws, layout, {name: array.take(indices) for name, array in texts.items()})
        for source_file, raw, row in zip(source_files.to_pylist(), raws.to_pylist(), rows, strict=True):
            self._validate_row(layout, source_file, raw, row)

    def _validators_of(self, layout: ColumnLayout) -> tuple[RowValidator, BatchValidator]:
        if layout not in self._validators:
            rows = RowValidator(layout, self._non_null_columns)
            self._validators[layout] = rows, BatchValidator(rows)
        return self._validators[layout]

    def _validate_row(self, layout: ColumnLayout, source_file: str, raw: str, texts: _Texts) -> None:
        self._add_validated(source_file, raw, *self._validators_of(layout)[0].validate(texts))

    def _add_validated(self, source_file: str, raw: str, values: Mapping[str, Any], reasons: list[str]) -> None:
        row = [source_file, raw, text_digest(raw), reasons, *(values[name] for name in VALUE_COLUMNS)]
        self._validated.append(row)


def _row_texts(raws: pa.Array, layout: ColumnLayout, columns: Mapping[str, pa.Array]) -> list[dict[str, str | None]]:
    """Return a dict for each row, from column of ``tracks`` to its text, such as {"bpm": "120.5"}.

    ``raws`` and the arrays in ``columns`` have one entry per row. If an array holds doubles, ``raws`` has the rows as
    JSON, and the texts of the numbers are read from it.
    """
    doubles = [name for name, array in columns.items() if pa.types.is_floating(array.type)]
    if not columns:
        return [{} for _ in range(len(raws))]
    arrays = [array.to_pylist() for array in columns.values()]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*arrays, strict=True)]
    if doubles:
        for row, raw in zip(rows, raws.to_pylist(), strict=True):
            members = records.json_object(raw) or {}
            row |= {name: members.get(layout.columns[name].header) for name in doubles}
    return rows
