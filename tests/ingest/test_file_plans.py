"""The plans of many files are sent to workers in one small object, which gives each file its own plan."""

import pickle

from segue.ingest.columns.column_matching import ColumnLayout
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
