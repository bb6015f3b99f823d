"""Mutated CSV files: nothing but an exit code of 0 or 3, and every row that csv.reader yields is kept somewhere."""

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

FILES_A_JOB = 24
WHOLE = as_csv([*ROWS, track(7, name='a "quoted", name'), track(8, name="two\nlines")])


@st.composite
def mutated(draw: st.DrawFn, *, anywhere: bool = False) -> bytes:
    """Return a valid file with bytes flipped, quotes opened, fields added and dropped, and lines cut.

    Its header stays and its bytes are UTF-8, unless they may change ``anywhere``, and to anything.
    """
    text = draw(st.sampled_from([WHOLE, as_csv(ROWS, ";"), as_csv(ROWS, "\t", "\r\n"), as_csv(ROWS[:3])]))
    content = bytearray(text.encode("utf-8"))
    between = max((b",", b";", b"\t"), key=text.partition("\n")[0].encode().count)
    header, largest = (0, 255) if anywhere else (content.index(b"\n") + 1, 127)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(header, max(header, len(content) - 1)))
        kind = draw(st.sampled_from(["flip", "quote", "fields", "drop", "cut", "newline", "blank"]))
        if kind == "flip" and at < len(content):
            content[at] = draw(st.integers(0 if anywhere else 1, largest))
        elif kind == "drop":
            del content[at : at + draw(st.integers(1, 12))]
        elif kind == "cut":
            del content[at:]
        else:
            content[at:at] = {"quote": b'"', "fields": 2 * between, "newline": b"\n", "blank": b"\n\n"}.get(kind, b"")
    return bytes(content)


def rows_of(content: bytes) -> int:
    """Return how many rows csv.reader yields below the header, blank lines left out."""
    text = content.decode("utf-8")
    header = text.split("\n", 1)[0]
    delimiter = max(";\t,", key=header.count)
    # an unclosed quote makes one row of all that follows, for csv.reader too
    return sum(1 for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row) - 1


fuzzed = settings(
    max_examples=int(os.environ.get("SEGUE_FUZZ", "2")),
    derandomize="SEGUE_FUZZ" not in os.environ,
    deadline=None,
    database=None,
    # to make a failing file smaller would take a job for each attempt
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.guard("field-count-checked")
@fuzzed
@given(contents=st.lists(mutated(), min_size=FILES_A_JOB, max_size=FILES_A_JOB))
def test_no_row_is_lost_and_nothing_is_unforeseen(contents, spark, tmp_path_factory, capfd):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "in").mkdir()
    for number, content in enumerate(contents):
        (folder / "in" / f"{number:03}.csv").write_bytes(content)
    words = ["--input", str(folder / "in"), "--output", str(folder / "out")]
    code = runner.execute(ingest.JOB, words, start=lambda _: spark)
    assert "Traceback" not in capfd.readouterr().err
    # the headers are whole, so none of them can be refused
    assert code == 0
    kept: Counter[str] = Counter()
    for name in ("tracks", "rejected_tracks"):
        kept.update(DeltaTable(str(folder / "out" / name)).to_pandas().source_file)
    wanted = {f"{number:03}.csv": rows_of(content) for number, content in enumerate(contents)}
    different = {name: (kept[name], n) for name, n in wanted.items() if kept[name] != n}
    assert different == {}, {name: contents[int(name[:3])] for name in different}


@fuzzed
@given(content=mutated(anywhere=True))
def test_what_is_damaged_anywhere_is_read_or_refused_in_one_line(content, spark, tmp_path_factory, capfd):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "one.csv").write_bytes(content)
    words = ["--input", str(folder / "one.csv"), "--output", str(folder / "out")]
    code = runner.execute(ingest.JOB, words, start=lambda _: spark)
    told = capfd.readouterr().err
    assert "Traceback" not in told, content
    assert (code, told.count("error:")) in ((0, 0), (3, 1)), (content, told)
    assert (folder / "out" / "tracks").exists() == (code == 0), content
