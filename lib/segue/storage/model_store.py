"""Save and load models, ``models/VERSION/`` below ROOT. ``model.json``, written last, makes a model complete."""

from pyspark.ml import PipelineModel

from segue.storage import files, transactions

FOLDER = "models"
CARD_FILE = "model.json"


class ModelStore:
    """The models below one ROOT. The content of ``model.json`` is up to the caller."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._folder = f"{root}/{FOLDER}"

    def cards(self) -> dict[str, str]:
        """Return the text of every complete model's ``model.json``, by model version."""
        texts = {name: self.card(name) for name in files.list_names(self._folder) or []}
        return {name: text for name, text in texts.items() if text is not None}

    def card(self, version: str) -> str | None:
        """Return the text of a model's ``model.json``, or None if there is no such complete model."""
        # guard: model-version-alphanumeric
        if not version.isalnum():  # a version such as ../x would leave the folder
            return None
        return files.read_text(self._card_path(version))

    def save(self, version: str, pipeline: PipelineModel) -> None:
        """Save a model's pipeline, unless another run has completed the same model. ``finish`` completes it."""
        with transactions.output_lock(self.root, FOLDER):
            # guard: finished-model-not-overwritten -> if True:
            if self.card(version) is None:
                pipeline.write().overwrite().save(files.spark_uri(f"{self._folder}/{version}"))

    def finish(self, version: str, card: str) -> None:
        """Complete a model by writing its ``model.json``."""
        with transactions.output_lock(self.root, FOLDER):
            files.write_text(self._card_path(version), card)

    def checkpoint(self, version: str, name: str) -> "GridCheckpoint":
        """Return the checkpoint ``name`` of a model in training; ``save`` removes it when it replaces the folder."""
        return GridCheckpoint(f"{self._folder}/{version}", name)

    def load(self, version: str) -> PipelineModel:
        """Load a saved pipeline. Runs a few small Spark jobs."""
        return PipelineModel.load(files.spark_uri(f"{self._folder}/{version}"))

    def _card_path(self, version: str) -> str:
        return f"{self._folder}/{version}/{CARD_FILE}"


class GridCheckpoint:
    """The state of a training as one small text, from which the same training resumes after an interruption."""

    def __init__(self, folder: str, name: str) -> None:
        self._folder = folder
        self._path = f"{folder}/{name}.json"

    def load(self) -> str | None:
        """Return the text saved last, or None if there is none."""
        return files.read_text(self._path)

    def save(self, text: str) -> None:
        """Replace the text."""
        files.make_folder(self._folder)
        files.write_text(self._path, text)
