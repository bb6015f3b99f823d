"""The plans of many files are sent to workers in one small object; what decides the rows of a file is compared."""

import pickle
from dataclasses import fields, replace

from segue.ingest.columns.column_matching import ColumnLayout, MatchedColumn
from segue.ingest.file_plans import CompactPlans, FilePlan
from segue.ingest.formats.records import Dialect


def test_compact_plans_are_those_of_the_files():
    layouts = [ColumnLayout("one", {}), ColumnLayout("two", {})]
    plans = {
        (-1) ** i * i * 7919: FilePlan(
            f"Ångström {i}.csv", layouts[i % 2], ("a", "b"), Dialect(","), i % 3, "utf-8", i > 5
        )
        for i in range(100)
    }
    compact = CompactPlans(plans)
    assert {file_id: compact[file_id] for file_id in plans} == plans
    sent = pickle.loads(pickle.dumps(compact))
    # files of one layout share it also where they were sent to: a worker makes one validator for each layout
    assert len({id(sent[file_id].layout) for file_id in plans}) == 2
    assert [sent[file_id].source_file for file_id in plans] == [plan.source_file for plan in plans.values()]


def test_whatever_decides_the_rows_is_compared():
    layout = ColumnLayout("one", {"bpm": MatchedColumn(0, "tempo", "bpm")})
    plan = FilePlan("a.csv", layout, ("tempo",), Dialect(","), 1, "utf-8", has_invalid=False)
    others = {
        "source_file": "b.csv",
        "has_invalid": True,
        "names": ("tempo", "key"),
        "dialect": Dialect(";"),
        "n_skipped": 2,
        "encoding": "cp1252",
        "by_line": True,
    }
    assert {*others, "layout"} == {field.name for field in fields(FilePlan)}
    different = {
        name for name, value in others.items() if replace(plan, **{name: value}).row_rules() != plan.row_rules()
    }
    assert different == others.keys() - {"source_file", "has_invalid"}
    other_layouts = [
        {"columns": {"bpm": MatchedColumn(1, "tempo", "bpm")}},
        {"columns": {"bpm": MatchedColumn(0, "tempo", "hz")}},
        {"columns": {"key": MatchedColumn(0, "tempo", "bpm")}},
        {"decimal_comma": True},
        {"genre_separator": ";"},
    ]
    for change in other_layouts:
        assert replace(plan, layout=replace(layout, **change)).row_rules() != plan.row_rules()
    # none of the other fields is used by workers
    names = {field.name for field in fields(ColumnLayout)} - {name for change in other_layouts for name in change}
    assert names == {"source", "ignored", "guesses", "warnings", "refusals", "header", "key", "decided", "remembered"}


def test_members_of_json_that_are_not_read_make_no_difference():
    layouts = [ColumnLayout("one", {"bpm": MatchedColumn(index, "tempo", "bpm")}) for index in (0, 1)]
    names = [("tempo",), ("key", "tempo")]
    rules = [
        FilePlan("a.jsonl", *plan, None, 0, "utf-8", has_invalid=False).row_rules()
        for plan in zip(layouts, names, strict=True)
    ]
    assert rules[0] == rules[1]
    other = ColumnLayout("one", {"bpm": MatchedColumn(0, "bpm", "bpm")})
    assert FilePlan("a.jsonl", other, ("bpm",), None, 0, "utf-8", has_invalid=False).row_rules() != rules[0]
