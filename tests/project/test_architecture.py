"""The house stays one to live in; who may import whom is import-linter's, in ``make check``."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LIBRARY = sorted((PROJECT / "lib").rglob("*.py"))


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


def test_every_imported_package_is_declared_and_every_declared_one_imported():
    required, spark = declared_packages()
    needed_by_pyspark = {"pandas"}  # for mapInArrow, and not among pyspark's own requirements
    assert imported_packages() | needed_by_pyspark == required | spark


def test_nothing_is_unpickled_and_no_text_becomes_code():
    unsafe = (
        r"\b(pickle|cloudpickle|joblib|dill|marshal|shelve)\b|allow_pickle|(?<![.\w])(eval|exec|compile)\(|yaml\.load"
    )
    code = {path.name: path.read_text("utf-8") for path in (*LIBRARY, *(PROJECT / "jobs").glob("*.py"))}
    assert {name: match[0] for name, text in code.items() if (match := re.search(unsafe, text))} == {}
