"""Save and load models: the folders ``models/VERSION/`` of an output folder.

A folder holds a saved PipelineModel and ``model.json``, which is written last: a model with this file is complete.
"""

from py4j.protocol import Py4JJavaError
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.ml import PipelineModel

from segue.core.paths import spark_uri
from segue.core.text import java_cause
from segue.errors import OutputError
from segue.storage import transactions
from segue.storage.files import Files

FOLDER = "models"
CARD_FILE = "model.json"


class ModelStore:
    """Reads and writes the models of one output folder, ``root``. The caller provides the text of ``model.json``."""

    def __init__(self, root: str, single_files: Files) -> None:
        self.root = root
        self._files = single_files
        self._folder = f"{root}/{FOLDER}"

    def cards(self) -> dict[str, str]:
        """Return a dict from the version of each complete model to the text of its ``model.json``."""
        texts = {name: self.card(name) for name in self._files.list_names(self._folder) or []}
        return {name: text for name, text in texts.items() if text is not None}

    def card(self, version: str) -> str | None:
        """Return the text of a model's ``model.json``, or None if there is no such complete model."""
        # guard: model-version-alphanumeric
        if not version.isalnum():  # a version such as ../x would leave the folder
            return None
        return self._files.read_text(self._card_path(version))

    def save(self, version: str, pipeline: PipelineModel) -> None:
        """Save a model's pipeline in its folder, in place of an earlier one, unless the model is complete already.

        The model is complete after ``finish``, which writes its ``model.json``.
        """
        with transactions.output_lock(self.root, FOLDER):
            # guard: finished-model-not-overwritten -> if True:
            if self.card(version) is None:
                pipeline.write().overwrite().save(spark_uri(f"{self._folder}/{version}"))

    def finish(self, version: str, card: str) -> None:
        """Complete a saved model by writing ``card``, the text of its ``model.json``."""
        with transactions.output_lock(self.root, FOLDER):
            self._files.write_text(self._card_path(version), card)

    def checkpoint(self, version: str, name: str) -> "GridCheckpoint":
        """Return the GridCheckpoint ``name`` of a model in training, a file in the model's folder.

        ``ModelStore.save`` replaces this folder, and so removes the file.
        """
        return GridCheckpoint(f"{self._folder}/{version}", name, self._files)

    def load(self, version: str) -> PipelineModel:
        """Load and return the saved pipeline of a model. Runs a few small Spark jobs.

        Raises
        ------
        OutputError
            If a part of the model's folder is missing or damaged, for example because it was not copied completely.
        """
        folder = f"{self._folder}/{version}"
        try:
            return PipelineModel.load(spark_uri(folder))
        # pyspark.ml raises a TypeError for an empty metadata file
        except (Py4JJavaError, CapturedException, TypeError) as error:
            raise OutputError(
                f"{folder} is not a complete model ({java_cause(error)}); copy it again, or delete the folder and run "
                "train_clusters.py and label_tracks.py"
            ) from error

    def _card_path(self, version: str) -> str:
        return f"{self._folder}/{version}/{CARD_FILE}"


class GridCheckpoint:
    """A file with the state of a training, as a text of some kilobytes, from which an interrupted training resumes."""

    def __init__(self, folder: str, name: str, single_files: Files) -> None:
        self._files = single_files
        self._folder = folder
        self._path = f"{folder}/{name}.json"

    def load(self) -> str | None:
        """Return the text that was saved last, or None if none was saved."""
        return self._files.read_text(self._path)

    def save(self, text: str) -> None:
        """Write the text to the file, in place of an earlier text."""
        self._files.make_folder(self._folder)
        self._files.write_text(self._path, text)
