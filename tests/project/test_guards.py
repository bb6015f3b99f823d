"""Every guard has a test, every marked test a guard, and each guard can be removed from code that still parses."""

import subprocess
from textwrap import dedent

import pytest
from tests.project import guards

GUARDS = guards.read()


def test_guards_and_marked_tests_match():
    assert guards.problems(GUARDS, guards.tests_by_guard()) == []


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_can_be_removed(guard):
    text = (guards.PROJECT / guard.file).read_text("utf-8")
    changed = guards.remove(guard, text)
    assert changed.split("\n") != text.split("\n")
    assert guards.unknown_names(guard, text) == set()
    if guard.file.endswith(".sh"):
        subprocess.run(["bash", "-n"], input=changed, text=True, check=True)


@pytest.mark.parametrize(
    ("file", "text", "changed"),
    [
        ("a.py", "if x:  # guard: a-b\n    y(\n        1\n    )\nz()", "pass\nz()"),
        ("a.py", "# guard: a-b -> y()\n# why\nx(\n    1,\n)", "# guard: a-b -> y()\n# why\ny()"),
        ("a.py", "# guard: a-b\n# -> y()\n# -> z()\nx()", "# guard: a-b\n# -> y()\n# -> z()\ny()\nz()"),
        ("a.py", "# guard: a-b -> if True:\nif (\n  x\n):\n    y()", "# guard: a-b -> if True:\nif True:\n    y()"),
        ("a.py", "x = [\n    1,\n    2,  # guard: a-b\n]", "x = [\n    1,\n]"),
        (
            "a.py",
            "try:\n    x()\nexcept A:\n    y()\n# guard: a-b\nexcept B:\n    z()",
            "try:\n    x()\nexcept A:\n    y()\n# guard: a-b",
        ),
        ("a.sh", "x() {\n  # guard: a-b -> true\n  kill 1\n}", "x() {\n  # guard: a-b -> true\n  true\n}"),
        ("a.js", "x();\n// guard: a-b\ny();", "x();\n// guard: a-b"),
    ],
    ids=["statement", "replacement", "lines", "header", "element", "handler", "shell", "script"],
)
def test_whole_statement_is_removed_or_replaced(file, text, changed):
    (guard,) = guards.read_text(file, text)
    assert guards.remove(guard, text) == changed


def test_two_guards_of_one_line_are_removed_apart():
    text = "# guard: a-b -> y()\n# guard: c-d\nx()"
    assert [guards.remove(each, text).split("\n")[2] for each in guards.read_text("a.py", text)] == ["y()", "pass"]


def test_code_that_does_not_parse_is_refused():
    text = "try:\n    x()\n# guard: a-b\nexcept A:\n    y()"
    (guard,) = guards.read_text("a.py", text)
    with pytest.raises(SyntaxError):
        guards.remove(guard, text)


def test_replacement_with_unknown_name_is_reported():
    text = dedent("""
        def f(x):
            # guard: a-b -> return x
            return x + 1

        def g(y):
            # guard: c-d -> return x if True else None
            return y + 1
        """)
    assert [guards.unknown_names(each, text) for each in guards.read_text("a.py", text)] == [set(), {"x"}]


def test_problems_name_the_guard_and_the_test():
    guard = guards.Guard("a-b", "a.py", 0)
    assert guards.problems([guard], {"a-b": ["t.py::t"]}) == []
    assert guards.problems([guard, guard], {"a-b": ["t.py::t"]}) == ["guard a-b: marked 2 times, expected once"]
    assert guards.problems([guard], {"c-d": ["t.py::t"]}) == [
        "guard a-b (a.py:1): no test is marked @pytest.mark.guard('a-b')",
        "t.py::t: no guard c-d in the code",
    ]
    (problem,) = guards.problems([guards.Guard("A_b", "a.py", 0)], {"A_b": ["t.py"]})
    assert problem.startswith("guard A_b: not a name")
