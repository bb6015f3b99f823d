"""Two writers of the same version of a table: one gets a ConflictError, even if Delta raises no error."""

import json
import select
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from segue import schema
from segue.errors import ConflictError
from segue.storage import commit_log
from segue.storage.store import Store
from segue.storage.transactions import exclusive_commit, output_lock

DOTS = schema.Table("dots", ("id",), (schema.Column("id", "string", "id of the dot"),))


def dots(spark, *names):
    return spark.createDataFrame([(name,) for name in names], "id string")


@pytest.fixture
def store(spark, tmp_path):
    created = Store(spark, str(tmp_path))
    created.sync(DOTS, dots(spark, "a"))
    return created


def ids(store):
    return sorted(DeltaTable(f"{store.root}/dots").to_pandas().id)


@pytest.mark.guard("commit-is-own", "shared-transaction-id")
def test_rows_inserted_by_two_writers_are_stored_once(spark, store, monkeypatch):
    late = Store(spark, store.root)
    late.read(DOTS)
    store.insert(DOTS, dots(spark, "b"))
    with pytest.raises(ConflictError, match="another run changed dots"):
        late.insert(DOTS, dots(spark, "b"))
    # as on a file system whose listing does not show the other writer's commit yet
    later = Store(spark, store.root)
    later.read(DOTS)
    store.insert(DOTS, dots(spark, "c"))
    stale_versions = iter([1])
    latest = commit_log.latest_version
    monkeypatch.setattr(commit_log, "latest_version", lambda *where: next(stale_versions, None) or latest(*where))
    with pytest.raises(ConflictError):
        later.insert(DOTS, dots(spark, "c"))
    assert ids(store) == ["a", "b", "c"]


@pytest.mark.guard("write-requires-checked-version")
def test_write_to_a_changed_table_does_not_begin(spark, store):
    store.insert(DOTS, dots(spark, "b"))
    with pytest.raises(ConflictError), exclusive_commit(spark, store.files, f"{store.root}/dots", "dots", 0, None):
        pytest.fail("the write has begun")


def test_provenance_is_read_after_later_commits(spark, store):
    store.insert(DOTS, dots(spark, "b"), provenance={"tracks": 3})
    store.sync(DOTS, dots(spark, "c"))
    other = Store(spark, store.root)
    other.read(DOTS)
    assert other.provenance(DOTS) == {"tracks": 3}


def commits(folder):
    """Return the ``commitInfo`` of every commit in the log of the table in ``folder``, by rising version."""
    paths = sorted(Path(folder, "_delta_log").glob("*.json"))
    return [json.loads(line)["commitInfo"] for path in paths for line in path.open() if "commitInfo" in line]


def test_commits_do_not_change_the_users_session_or_other_writes(spark, store, tmp_path):
    name, other = "spark.databricks.delta.commitInfo.userMetadata", str(tmp_path / "other")
    spark.conf.set(name, "the user's")
    try:
        user_values = []
        with store._commit(DOTS, dots(spark, "b")) as rows:
            user_values.append(spark.conf.get(name))
            dots(spark, "x").write.format("delta").save(other)
            rows.write.format("delta").mode("append").save(store.path(DOTS))
        store.sync(DOTS, dots(spark, "c"))
        store.replace(DOTS, dots(spark, "a"))
        assert [*user_values, spark.conf.get(name)] == ["the user's"] * 2
        assert [commit["userMetadata"] for commit in commits(other)] == ["the user's"]
        assert ["writer" in commit["userMetadata"] for commit in commits(f"{store.root}/dots")] == [True] * 4
    finally:
        spark.conf.unset(name)


HOLD = """
import sys
from segue.storage.transactions import output_lock
with output_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.guard("lock-excludes-processes")
def test_lock_excludes_other_processes_until_its_holder_ends(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first, subprocess.Popen([*command], **pipes) as second:
        reading = select.poll()
        for process in (first, second):
            reading.register(process.stdout, select.POLLIN)
        ((holder, _),) = reading.poll(60_000)
        holding, waiting = (first, second) if holder == first.stdout.fileno() else (second, first)
        reading.unregister(holding.stdout)
        assert reading.poll(500) == []
        holding.kill()
        assert reading.poll(60_000) != []
        waiting.stdin.close()
        assert waiting.wait(60) == 0


def test_lock_that_is_not_released_is_a_conflict(tmp_path, caplog):
    with output_lock(str(tmp_path)):
        with (
            pytest.raises(ConflictError, match=r"another run has been writing to .* for 0 s"),
            output_lock(str(tmp_path), timeout=0.1),
        ):
            pytest.fail("the lock was acquired twice")
        with output_lock(str(tmp_path), "models", timeout=0.1):  # locks of different names do not exclude each other
            pass
    assert "waiting for another run" in caplog.text
    with output_lock(str(tmp_path), timeout=0.1):  # released
        pass
