"""Files become everything, in one Spark session."""

import shlex

from segue.clustering import model_card
from segue.clustering.model_card import ModelCard
from segue.pipeline import ingest, label, recommend, report, train
from segue.report import HTML_FILE
from segue.runtime import logs, signals
from segue.runtime.runner import Job, Run
from segue.storage.model_store import ModelStore

_TABLES = (
    "labeled_tracks",
    "cluster_profiles",
    "similar_tracks",
    "k_scores",
    "tracks",
    "rejected_tracks",
    "ingested_files",
    "runs",
)


def work(run: Run) -> None:
    """Ingest files, train where it is due, label, find similar tracks, and say what was found."""
    ingest.work(run)
    # a signal that a stage has swallowed holds good for the next
    signals.raise_if_received()
    wanted, pipeline = run.settings.label.model_version, None
    if wanted == "latest":
        fitting = _fitting_model(run)
        wanted, pipeline = (fitting, None) if fitting else train.train(run)
        signals.raise_if_received()
    made = label.label(run, wanted, pipeline=pipeline)
    signals.raise_if_received()
    recommend.recommend(run)
    signals.raise_if_received()
    report.report(run)
    _tell(run, made)


def _fitting_model(run: Run) -> str | None:
    """Return the newest model that was trained with these settings, if one will do."""
    # guard: train-always-ignores-models
    if run.settings.train.when == "always":
        return None
    models = ModelStore(run.store.root, model_card.FILE_NAME)
    fitting = label.newest_card(models, train.training_settings(run.settings))
    return fitting.model_version if fitting else None


def _tell(run: Run, made: ModelCard) -> None:
    """Print the clusters, and where to look further."""
    print(f"\n{made.k} clusters of {made.n_tracks} tracks, silhouette {made.silhouette:.3f}")
    for row in made.profiles:
        likeness = row["exemplars"][0]
        example = f"{likeness['title']} by {likeness['artist']}" if likeness["artist"] else likeness["title"]
        print(
            f"  {row['cluster_name']:<11} {row['n_tracks']:>9} tracks  {row['cluster_description']}"
            f"  (most typical: {_printable(example)})"
        )
    root = logs.redact(run.store.root)
    print(f"\nThe tables are in {root}: {', '.join(_TABLES)}.")
    typical = made.profiles[0]["exemplars"][0]
    wanted = " - ".join(_printable(text) for text in (typical["title"], typical["artist"]) if text)
    print(f"The report, for any browser: {root}/{HTML_FILE}.")
    print(f"What to play next:  segue similar {shlex.quote(wanted)} --output {shlex.quote(root)}")
    print(f"The model is {root}/models/{made.model_version}, for any language in its {model_card.FILE_NAME}.")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:80]


JOB = Job("run_pipeline", work, takes_input=True, check=ingest.check)
