"""Of two that would make the next commit one is told that it lost, whatever Delta does."""

import select
import subprocess
import sys

import pytest
from deltalake import DeltaTable

from segue import schema
from segue.errors import ConflictError
from segue.storage import commit_log
from segue.storage.store import Store
from segue.storage.transactions import exclusive_commit, output_lock

DOTS = schema.Table("dots", ("id",), (schema.Column("id", "string", "which dot"),))


def dots(spark, *names):
    return spark.createDataFrame([(name,) for name in names], "id string")


@pytest.fixture
def store(spark, tmp_path):
    made = Store(spark, str(tmp_path))
    made.sync(DOTS, dots(spark, "a"))
    return made


def ids(store):
    return sorted(DeltaTable(f"{store.root}/dots").to_pandas().id)


@pytest.mark.guard("commit-is-own", "shared-transaction-id")
def test_rows_that_are_added_twice_by_two_are_there_once(spark, store, monkeypatch):
    late = Store(spark, store.root)
    late.read(DOTS)
    store.insert(DOTS, dots(spark, "b"))
    with pytest.raises(ConflictError, match="another run changed dots"):
        late.insert(DOTS, dots(spark, "b"))
    # where the log shows the other's commit too late to be seen before, as elsewhere than on a local disk
    later = Store(spark, store.root)
    later.read(DOTS)
    store.insert(DOTS, dots(spark, "c"))
    seen = iter([1])
    latest = commit_log.latest_version
    monkeypatch.setattr(commit_log, "latest_version", lambda folder: next(seen, None) or latest(folder))
    with pytest.raises(ConflictError):
        later.insert(DOTS, dots(spark, "c"))
    assert ids(store) == ["a", "b", "c"]


@pytest.mark.guard("write-requires-checked-version")
def test_a_write_does_not_begin_where_the_table_is_another_than_was_seen(spark, store):
    store.insert(DOTS, dots(spark, "b"))
    with pytest.raises(ConflictError), exclusive_commit(spark, f"{store.root}/dots", "dots", 0, None):
        pytest.fail("it has begun")


def test_what_rows_were_made_from_is_told_to_the_next_writer(spark, store):
    store.insert(DOTS, dots(spark, "b"), provenance={"tracks": 3})
    store.sync(DOTS, dots(spark, "c"))
    other = Store(spark, store.root)
    other.read(DOTS)
    assert other.provenance(DOTS) == {"tracks": 3}


HOLD = """
import sys
from segue.storage.transactions import output_lock
with output_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.guard("lock-excludes-processes")
def test_a_lock_keeps_another_process_off_until_it_ends_even_if_it_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first, subprocess.Popen([*command], **pipes) as second:
        reading = select.poll()
        for each in (first, second):
            reading.register(each.stdout, select.POLLIN)
        ((holder, _),) = reading.poll(60_000)
        held, late = (first, second) if holder == first.stdout.fileno() else (second, first)
        reading.unregister(held.stdout)
        assert reading.poll(500) == []
        held.kill()
        assert reading.poll(60_000) != []
        late.stdin.close()
        assert late.wait(60) == 0


def test_a_lock_that_is_not_released_ends_in_a_conflict(tmp_path, caplog):
    with output_lock(str(tmp_path)):
        with (
            pytest.raises(ConflictError, match=r"another run has been writing to .* for 0 s"),
            output_lock(str(tmp_path), timeout=0.1),
        ):
            pytest.fail("the lock was acquired twice")
        with output_lock(str(tmp_path), "models", timeout=0.1):  # a lock of another name
            pass
    assert "waiting for another run" in caplog.text
    with output_lock(str(tmp_path), timeout=0.1):  # released again
        pass
