"""Arrow on one side, numpy on the other."""

import pyarrow as pa

from segue.similarity import arrays


def test_every_value_has_its_rows_in_their_order_and_null_has_too():
    table = pa.table({"key": pa.array(["x", None, "y", "x", None]), "row": range(5)})
    parts = {part["key"][0].as_py(): part["row"].to_pylist() for part in arrays.split_by_value(table, "key")}
    assert parts == {"x": [0, 3], None: [1, 4], "y": [2]}
