"""Summarise the event log of a Spark application by stage: operators, seconds, tasks, bytes shuffled and written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONF = ("--conf", "spark.eventLog.enabled=true", "--conf", "spark.eventLog.compress=false")
_SHUFFLED = "internal.metrics.shuffle.write.bytesWritten"
_OUTPUT = "internal.metrics.output.bytesWritten"
_NAMES = {
    "Scan text": "read text",
    "Scan parquet": "read Parquet",
    "InMemoryTableScan": "read cache",
    "MapInArrow": "Python",
    "Window": "window",
    "Sort": "sort",
    "Join": "join",
    "Write": "write",
}
"""Short names of Spark's operators, by a part of their names in the event log."""


def submit_options(folder: Path) -> list[str]:
    """Create a folder, and return the options of spark-submit to write an event log there."""
    folder.mkdir(parents=True)
    return [*CONF, "--conf", f"spark.eventLog.dir={folder.as_uri()}"]


def stages(folder: Path) -> list[dict[str, Any]]:
    """Read the event log below a folder; return one dict per completed stage, in the order of their ids.

    For example ``{"stage": 3, "operators": "read text, sort", "seconds": 1.2, "core_seconds": 4.1, …}``.
    ``core_seconds`` is the total run time of the stage's tasks; ``jvm_cpu_seconds`` is the CPU time that the JVM spent
    on these tasks. Stages may overlap in time.
    """
    events = list(_events(folder))
    tasks: dict[int, tuple[float, float]] = {}
    for event in events:
        if event["Event"] == "SparkListenerTaskEnd" and (metrics := event.get("Task Metrics")):
            run, cpu = tasks.get(event["Stage ID"], (0.0, 0.0))
            tasks[event["Stage ID"]] = (
                run + metrics["Executor Run Time"] / 1e3,
                cpu + metrics["Executor CPU Time"] / 1e9,
            )
    completed = [event["Stage Info"] for event in events if event["Event"] == "SparkListenerStageCompleted"]
    return [_stage(info, tasks) for info in sorted(completed, key=lambda info: int(info["Stage ID"]))]


def _stage(info: dict[str, Any], tasks: dict[int, tuple[float, float]]) -> dict[str, Any]:
    values = {each["Name"]: int(each["Value"]) for each in info["Accumulables"] if str(each.get("Value")).isdigit()}
    run, cpu = tasks.get(info["Stage ID"], (0.0, 0.0))
    return {
        "stage": info["Stage ID"],
        "operators": _operators(info),
        "seconds": round((info["Completion Time"] - info["Submission Time"]) / 1000, 2),
        "core_seconds": round(run, 2),
        "jvm_cpu_seconds": round(cpu, 2),
        "tasks": info["Number of Tasks"],
        "shuffled_mb": round(values.get(_SHUFFLED, 0) / 1e6, 1),
        "written_mb": round(values.get(_OUTPUT, 0) / 1e6, 1),
    }


def _operators(info: dict[str, Any]) -> str:
    """Return the operators of a stage, in the order of its RDDs, such as "read text, sort, write"."""
    rdds = sorted(info["RDD Info"], key=lambda rdd: int(rdd["RDD ID"]))
    scopes = [json.loads(rdd["Scope"])["name"] for rdd in rdds if "Scope" in rdd]
    operators = [_NAMES[word] for scope in scopes for word in _NAMES if word in scope]
    return ", ".join(dict.fromkeys(operators)) or str(info["Stage Name"]).partition(" at ")[0]


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "appstatus" not in path.name):
        with path.open(encoding="utf-8") as stream:
            yield from map(json.loads, stream)
