"""Ingest mutated CSV files: the exit code is 0 or 3, and every row of csv.reader becomes a track or a rejected row.

The environment variable SEGUE_FUZZ is the number of examples per test, which are then random.
"""

import csv
import io
import os
from collections import Counter

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.helpers.small_files import ROWS, as_csv, track

from segue.pipeline import ingest
from segue.runtime import runner

FILES_PER_JOB = 24
QUOTED = as_csv([*ROWS, track(7, name='a "quoted", name'), track(8, name="two\nlines")])


@st.composite
def mutated(draw: st.DrawFn, *, anywhere: bool = False) -> bytes:
    """Return a valid file with bytes changed, inserted and removed.

    The header stays as it is and the bytes are ASCII or UTF-8, unless mutations may occur ``anywhere``.
    """
    text = draw(st.sampled_from([QUOTED, as_csv(ROWS, ";"), as_csv(ROWS, "\t", "\r\n"), as_csv(ROWS[:3])]))
    content = bytearray(text.encode("utf-8"))
    delimiter = max((b",", b";", b"\t"), key=text.partition("\n")[0].encode().count)
    first, max_byte = (0, 255) if anywhere else (content.index(b"\n") + 1, 127)
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(first, max(first, len(content) - 1)))
        kind = draw(st.sampled_from(["flip", "quote", "fields", "drop", "cut", "newline", "blank"]))
        if kind == "flip" and index < len(content):
            content[index] = draw(st.integers(0 if anywhere else 1, max_byte))
        elif kind == "drop":
            del content[index : index + draw(st.integers(1, 12))]
        elif kind == "cut":
            del content[index:]
        else:
            content[index:index] = {"quote": b'"', "fields": 2 * delimiter, "newline": b"\n", "blank": b"\n\n"}.get(
                kind, b""
            )
    return bytes(content)


def count_rows(content: bytes) -> int:
    """Return the number of non-blank rows that csv.reader yields below the header."""
    text = content.decode("utf-8")
    header = text.split("\n", 1)[0]
    delimiter = max(";\t,", key=header.count)
    return sum(1 for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row) - 1


fuzzed = settings(
    max_examples=int(os.environ.get("SEGUE_FUZZ", "2")),
    derandomize="SEGUE_FUZZ" not in os.environ,
    database=None,
    # shrinking a failing example would run a job for each attempt
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.guard("field-count-checked")
@fuzzed
@given(contents=st.lists(mutated(), min_size=FILES_PER_JOB, max_size=FILES_PER_JOB))
def test_no_row_of_a_mutated_file_is_lost(contents, spark, tmp_path_factory, capfd):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "in").mkdir()
    for number, content in enumerate(contents):
        (folder / "in" / f"{number:03}.csv").write_bytes(content)
    words = ["--input", str(folder / "in"), "--output", str(folder / "out")]
    code = runner.execute(ingest.JOB, words, start=lambda _: spark)
    assert "Traceback" not in capfd.readouterr().err
    # intact headers are never refused
    assert code == 0
    stored: Counter[str] = Counter()
    for name in ("tracks", "rejected_tracks"):
        stored.update(DeltaTable(str(folder / "out" / name)).to_pandas().source_file)
    expected = {f"{number:03}.csv": count_rows(content) for number, content in enumerate(contents)}
    different = {name: (stored[name], n_rows) for name, n_rows in expected.items() if stored[name] != n_rows}
    assert different == {}, {name: contents[int(name[:3])] for name in different}


@fuzzed
@given(content=mutated(anywhere=True))
def test_damaged_file_is_read_or_refused_in_one_line(content, spark, tmp_path_factory, capfd):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "one.csv").write_bytes(content)
    words = ["--input", str(folder / "one.csv"), "--output", str(folder / "out")]
    code = runner.execute(ingest.JOB, words, start=lambda _: spark)
    stderr = capfd.readouterr().err
    assert "Traceback" not in stderr, content
    assert (code, stderr.count("error:")) in ((0, 0), (3, 1)), (content, stderr)
    assert (folder / "out" / "tracks").exists() == (code == 0), content
