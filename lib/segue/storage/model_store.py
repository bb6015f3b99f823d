"""The one place models are saved and found: ``models/VERSION/`` below ROOT, and ``model.json`` in it, written last."""

from pyspark.ml import PipelineModel

from segue.storage import files, transactions

FOLDER = "models"


class ModelStore:
    """The models below one ROOT. What a ``model.json`` holds is the caller's to read."""

    def __init__(self, root: str, card_name: str) -> None:
        self._at, self._root = root, f"{root}/{FOLDER}"
        self._card_name = card_name

    def cards(self) -> dict[str, str]:
        """Return the text of every finished model's card, by model version."""
        texts = {name: self.card(name) for name in files.list_names(self._root) or []}
        return {name: text for name, text in texts.items() if text is not None}

    def card(self, version: str) -> str | None:
        """Return the text of one finished model's card, or None where there is no such model."""
        # guard: model-version-alphanumeric
        if not version.isalnum():  # a version is a hash: no name leads out of the folder
            return None
        return files.read_text(self._card_path(version))

    def save(self, version: str, pipeline: PipelineModel) -> None:
        """Save what a model does; it counts as a model once its card is there, see ``finish``.

        One that another run has finished meanwhile is the same, and stays.
        """
        with transactions.output_lock(self._at, FOLDER):
            # guard: finished-model-not-overwritten -> if True:
            if self.card(version) is None:
                pipeline.write().overwrite().save(files.spark_uri(f"{self._root}/{version}"))

    def finish(self, version: str, card: str) -> None:
        """Say that a model is whole, and all that is known of it."""
        with transactions.output_lock(self._at, FOLDER):
            files.write_text(self._card_path(version), card)

    def memory(self, version: str, name: str) -> "GridCheckpoint":
        """Return where the training of a model keeps what it has found so far; saving the model removes it."""
        return GridCheckpoint(f"{self._root}/{version}", name)

    def load(self, version: str) -> PipelineModel:
        """Return a saved pipeline."""
        return PipelineModel.load(files.spark_uri(f"{self._root}/{version}"))

    def _card_path(self, version: str) -> str:
        return f"{self._root}/{version}/{self._card_name}"


class GridCheckpoint:
    """One small text beside a model in the making, for the training that goes on where another was interrupted."""

    def __init__(self, folder: str, name: str) -> None:
        self._folder = folder
        self._path = f"{folder}/{name}.json"

    def load(self) -> str | None:
        """Return what was saved last, or None."""
        return files.read_text(self._path)

    def save(self, text: str) -> None:
        """Keep the text instead of what was saved before."""
        files.make_folder(self._folder)
        files.write_text(self._path, text)
