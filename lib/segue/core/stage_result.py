"""What a stage of the pipeline reports when it ends: the record for the table ``runs``, and for the caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """The outcome of one stage, such as ``ingest``.

    Attributes
    ----------
    stage : name of the stage
    inputs : what it read: files with their bytes, tables with their versions
    counts : rows by what happened to them, and ``seconds``; JSON-ready
    """

    stage: str
    inputs: Mapping[str, Any]
    counts: Mapping[str, Any]
