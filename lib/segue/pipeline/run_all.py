"""Run the whole pipeline in one Spark session: ingest, train if needed, label, recommend, report."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.clustering.model_card import ModelCard
from segue.core.text import printable
from segue.pipeline.ingest import check_sources, ingest_tracks
from segue.pipeline.label import label_tracks, newest_card
from segue.pipeline.recommend import recommend_tracks
from segue.pipeline.report import render_report
from segue.pipeline.similarity_inputs import learned_settings
from segue.pipeline.train import train_clusters, training_settings
from segue.report import HTML_FILE, JSON_FILE
from segue.runtime import logs
from segue.runtime.job import Job, Run, StageResult
from segue.settings import Settings
from segue.storage.model_store import CARD_FILE, ModelStore
from segue.storage.store import Store

_TABLES = (
    "labeled_tracks",
    "cluster_profiles",
    "similar_tracks",
    "k_scores",
    "tracks",
    "rejected_tracks",
    "ingested_files",
    "layout_decisions",
    "runs",
)


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """The result of the whole pipeline: the counts of its stages, and the model.

    Attributes
    ----------
    counts : numbers of every stage by its name: {"label": {"added": 200, "seconds": 3.1}, …}
    card : content of ``model.json`` of the model that labeled the tracks
    """

    counts: Mapping[str, Mapping[str, Any]]
    card: ModelCard


def run_stages(
    store: Store, path: str, settings: Settings, *, on_stage: Callable[[StageResult], None] = lambda _: None
) -> PipelineResult:
    """Ingest files, train if needed, label, find similar tracks, and render the report. Runs many Spark jobs.

    Trains a model if none with these settings exists. With the setting ``train.when`` = "always", trains one unless a
    model of the same tracks, settings and library versions exists. Trains none if the setting ``label.model_version``
    names a model.

    Parameters
    ----------
    store : the tables of the output folder
    path : a file, a folder, a glob or a Delta table
    settings : uses all sections
    on_stage : called at the end of each stage with its result; an exception from this call ends the pipeline

    Returns
    -------
    PipelineResult
        The counts of each stage that ran, and the ModelCard.

    Raises
    ------
    SegueError
        InputError, OutputError or ConflictError from a stage. The stages before it are complete.
    """
    counts: dict[str, Mapping[str, Any]] = {}

    def finish(result: StageResult) -> None:
        counts[result.stage] = result.counts
        on_stage(result)

    # one scope around all stages: a later stage can read tables cached by an earlier stage
    with store.cache_scope():
        learned_settings(store, settings.recommend)  # raises before the first stage if nothing was learned
        finish(ingest_tracks(store, path, settings))
        version, pipeline = settings.label.model_version, None
        if version == "latest":
            trained_before = _trained_version(store, settings)
            if trained_before:
                version = trained_before
            else:
                trained = train_clusters(store, settings)
                finish(trained)
                version, pipeline = trained.model_version, trained.pipeline
        labeled = label_tracks(store, version, pipeline=pipeline, words=settings.label.words)
        finish(labeled)
        finish(recommend_tracks(store, settings.recommend))
        finish(render_report(store, settings))
    return PipelineResult(counts, labeled.card)


def _trained_version(store: Store, settings: Settings) -> str | None:
    """Return the version of the newest model trained with these settings; None if the stage ``train`` must run.

    The stage must run if no model has these settings, or if the setting ``train.when`` is "always".
    """
    # guard: train-always-ignores-models
    if settings.train.when == "always":
        return None
    card = newest_card(ModelStore(store.root, store.files), training_settings(settings))
    return card.model_version if card else None


def summary(root: str, card: ModelCard) -> str:
    """Return the text to print after a run: the clusters, and the paths of tables, report and model."""
    trained = f"trained on {card.n_tracks} tracks, silhouette {card.silhouette:.3f}; sizes as in training"
    lines = [f"\n{card.k} clusters, {trained}"]
    for row in card.profiles:
        typical = row["exemplars"][0]
        example = f"{typical['title']} by {typical['artist']}" if typical["artist"] else typical["title"]
        lines.append(
            f"  {row['cluster_name']:<11} {row['n_tracks']:>9} tracks  {row['cluster_description']}"
            f"  (most typical: {_printable(example)})"
        )
    typical = card.profiles[0]["exemplars"][0]
    title = " - ".join(_printable(text) for text in (typical["title"], typical["artist"]) if text)
    root = logs.redact(root)
    return "\n".join(
        [
            *lines,
            f"\nThe tables are in {root}: {', '.join(_TABLES)}.",
            f"The report, for any browser: {root}/{HTML_FILE}; its numbers: {root}/{JSON_FILE}.",
            f"What to play next:  {_command()} similar {shlex.quote(title)} --output {shlex.quote(root)}",
            f"The model is {root}/models/{card.model_version}, for any language in its {CARD_FILE}.",
        ]
    )


def _command() -> str:
    """Return the command ``segue`` to type in the current folder: "segue", or a path, for example ".venv/bin/segue".

    It is a path if the command is in the folder of the running Python, but not on PATH.
    """
    script = Path(sys.executable).with_name("segue")
    if shutil.which("segue") or not script.exists():
        return "segue"
    relative = os.path.relpath(script)
    return shlex.quote(str(script) if relative.startswith(os.pardir) else relative)


def _printable(text: str) -> str:
    return printable(text)[:80]


def _work(run: Run) -> None:
    """Ingest files, train if no model has these settings, label, find similar tracks, and render the report."""
    result = run_stages(run.store, run.options.input, run.settings, on_stage=run.record)
    print(summary(run.store.root, result.card))


JOB = Job("run_pipeline", _work, takes_input=True, check=check_sources)
