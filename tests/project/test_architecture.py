"""Sizes of files and forbidden constructs. The direction of imports is checked by import-linter in ``make check``."""

import re
from pathlib import Path

import pytest

from segue.settings.checks import CHECKS

PROJECT = Path(__file__).parents[2]
LIBRARY = sorted((PROJECT / "lib").rglob("*.py"))
JOBS = sorted((PROJECT / "jobs").glob("*.py"))


def matches(pattern, paths):
    """Return the first match in each file that has one, by the file's path in the project."""
    results = {path: re.search(pattern, path.read_text("utf-8")) for path in paths}
    return {path.relative_to(PROJECT).as_posix(): match[0] for path, match in results.items() if match}


def longer_than(limit, paths):
    """Return the lengths of files with more lines than ``limit``, not counting marks of guards."""
    guard_mark = re.compile(r"\s*# (guard:|->) ")  # see tests/project/guards.py
    texts = {path.relative_to(PROJECT).as_posix(): path.read_text("utf-8").splitlines() for path in paths}
    lengths = {name: sum(not guard_mark.match(line) for line in lines) for name, lines in texts.items()}
    return {name: length for name, length in lengths.items() if length > limit}


@pytest.mark.parametrize("folder", ["lib", "jobs", "tests", "benchmarks"])
def test_no_file_is_longer_than_350_lines(folder):
    assert longer_than(350, (PROJECT / folder).rglob("*.py")) == {}


def test_no_job_is_longer_than_40_lines():
    assert longer_than(40, JOBS) == {}


def test_single_partitions_are_for_small_frames_only():
    # their frames have one row per cluster, score or run
    allowed = {"centres_model.py", "delta_tables.py", "train.py"}
    paths = matches(r"(coalesce|repartition)\(1[),]", LIBRARY)
    assert {Path(path).name for path in paths} <= allowed


def test_only_session_module_gets_a_session():
    assert matches(r"getActiveSession|builder", LIBRARY).keys() == {"lib/segue/runtime/session.py"}
    assert matches(r"\._jvm|\._sc\b|\.rdd\b|sparkContext", LIBRARY) == {}


def test_nothing_is_unpickled_or_evaluated():
    unsafe = (
        r"\b(pickle|cloudpickle|joblib|dill|marshal|shelve)\b|allow_pickle|(?<![.\w])(eval|exec|compile)\(|yaml\.load"
    )
    assert matches(unsafe, [*LIBRARY, *JOBS]) == {}


def test_defaults_list_every_setting_with_a_comment():
    section, listed = "", set()
    for line in (PROJECT / "conf" / "defaults.toml").read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = heading[1]
        elif setting := re.fullmatch(r"(?:# )?(\w+) = .*\S\s+#? ?.*#.+|# (\w+) = .*#.+", line):
            listed.add(f"{section}.{setting[1] or setting[2]}")
    assert listed == set(CHECKS)
