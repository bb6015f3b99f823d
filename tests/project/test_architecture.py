"""Sizes of files and forbidden constructs. The direction of imports is checked by import-linter in ``make check``."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

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


def imported_packages() -> set[str]:
    """Return the distributions that lib imports anywhere, normalised; the standard library is left out."""
    modules: set[str] = set()
    for path in LIBRARY:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules.add(str(node.module).split(".")[0])
    distributions = packages_distributions()
    third_party = modules - sys.stdlib_module_names - {"segue"}
    return {normalised(distributions.get(module, [module])[0]) for module in third_party}


def declared_packages() -> tuple[set[str], set[str]]:
    """Return what setup.py requires for the library, and what it adds for Spark, normalised."""
    tree = ast.parse((PROJECT / "setup.py").read_text("utf-8"))
    (call,) = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "setup")
    values = {keyword.arg: keyword.value for keyword in call.keywords}
    extras = ast.literal_eval(values["extras_require"])
    required, spark = (
        {normalised(re.match(r"[\w.-]+", entry)[0]) for entry in entries}
        for entries in (ast.literal_eval(values["install_requires"]), extras["spark"])
    )
    return required, spark


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


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


def test_every_imported_package_is_declared_and_every_declared_one_imported():
    required, spark = declared_packages()
    imported = imported_packages() - {"pydantic-core"}  # which pydantic requires at an exact version
    needed_by_pyspark = {"pandas"}  # for mapInArrow, and not among pyspark's own requirements
    assert imported | needed_by_pyspark == required | spark


def test_only_session_module_gets_a_session():
    assert matches(r"getActiveSession|builder", LIBRARY).keys() == {"lib/segue/runtime/session.py"}
    # these modules use parts of Spark that have no other API: job descriptions in Spark's UI, the cancellation of jobs
    # by tag, accumulators, the master, Hadoop's file systems, the configured log store, the class path
    names = ("storage/store", "core/spark_helpers", "core/paths", "storage/hadoop_files", "storage/transactions")
    contexts = matches(r"\._jvm|\._sc\b|\.rdd\b|sparkContext", LIBRARY)
    assert contexts.keys() == {f"lib/segue/{name}.py" for name in (*names, "runtime/session")}


def test_nothing_is_unpickled_or_evaluated():
    # the bare names are allowed, as messages that refuse such files contain them
    modules = "(pickle|cloudpickle|joblib|dill|marshal|shelve)"
    unsafe = (
        rf"\b(import|from) {modules}\b|\b{modules}\.\w|import_module\(.{modules}\b"
        r"|allow_pickle|(?<![.\w])(eval|exec|compile)\(|yaml\.load"
    )
    assert matches(unsafe, [*LIBRARY, *JOBS]) == {}
