"""The house stays one to live in; who may import whom is import-linter's, in ``make check``."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LIBRARY = sorted((PROJECT / "lib").rglob("*.py"))


@pytest.mark.parametrize("folder", ["lib", "jobs", "tests", "benchmarks"])
def test_no_file_does_two_jobs(folder):
    marks = re.compile(r"\s*# (guard:|->) ")  # see tests/guards.py
    texts = {path.name: path.read_text("utf-8").splitlines() for path in (PROJECT / folder).rglob("*.py")}
    lengths = {name: sum(not marks.match(line) for line in lines) for name, lines in texts.items()}
    assert {name: n for name, n in lengths.items() if n > 350} == {}


def test_jobs_read_as_a_paragraph():
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in (PROJECT / "jobs").glob("*.py")}
    assert {name: n for name, n in lengths.items() if n > 40} == {}


def test_no_frame_goes_through_one_partition_and_no_session_is_fetched():
    # coalesce(1) stands only where a frame has as many rows as there are clusters, scores or runs
    small = {"delta_tables.py", "train.py", "centres_model.py"}
    text = {path.name: path.read_text("utf-8") for path in LIBRARY}
    assert {name for name, code in text.items() if re.search(r"(coalesce|repartition)\(1[),]", code)} <= small
    assert {name for name, code in text.items() if re.search(r"getActiveSession|builder", code)} == {"session.py"}
    uses_context = {name for name, code in text.items() if re.search(r"\._jvm|\._sc\b|\.rdd\b|sparkContext", code)}
    # the description of jobs in Spark's UI, and the cancellation of jobs by tag, have no other API
    assert uses_context <= {"store.py", "spark_helpers.py"}


def test_nothing_is_unpickled_and_no_text_becomes_code():
    unsafe = (
        r"\b(pickle|cloudpickle|joblib|dill|marshal|shelve)\b|allow_pickle|(?<![.\w])(eval|exec|compile)\(|yaml\.load"
    )
    code = {path.name: path.read_text("utf-8") for path in (*LIBRARY, *(PROJECT / "jobs").glob("*.py"))}
    assert {name: found[0] for name, text in code.items() if (found := re.search(unsafe, text))} == {}
