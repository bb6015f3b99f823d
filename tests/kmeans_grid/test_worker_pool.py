"""A pool of processes: its size, the order of results, and calls without processes."""

import math
import os

import loky
import pytest

from segue.kmeans_grid.worker_pool import MAX_WORKERS, WorkerPool


def size(pool: WorkerPool) -> int:
    """Return the number of processes that the pool would start, without starting them."""
    return pool._n


@pytest.mark.parametrize(("n_cpus", "n"), [(1, 1), (3, 3), (MAX_WORKERS, MAX_WORKERS), (64, MAX_WORKERS)])
def test_the_size_is_the_cpu_quota_up_to_8(monkeypatch, n_cpus, n):
    # loky.cpu_count is the minimum of the machine's cores, the affinity and the quota of the cgroup
    monkeypatch.setattr(loky, "cpu_count", lambda: n_cpus)
    assert size(WorkerPool()) == n


def test_the_size_respects_the_limit_of_loky(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    pool = WorkerPool()
    assert size(pool) == 1
    with pool:
        pool.start()
        assert len(pool) == 1


def test_calls_run_in_this_process_before_start():
    assert WorkerPool(2).map(process_id, [0]) == [os.getpid()]
    assert WorkerPool(2).map(math.pow, [2.0, 3.0], [2.0, 3.0]) == [4.0, 27.0]
    assert len(WorkerPool(2)) == 1


def test_calls_run_in_other_processes_in_order():
    with WorkerPool(2) as pool:
        pool.start()
        assert len(pool) == 2
        assert pool.map(math.pow, range(5), [2] * 5) == [0.0, 1.0, 4.0, 9.0, 16.0]
        assert os.getpid() not in pool.map(process_id, range(4))


def process_id(_: int) -> int:
    return os.getpid()
