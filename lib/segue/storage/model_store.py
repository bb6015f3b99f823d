"""Save and load models, each in the folder ``models/VERSION/`` of an output folder.

The folder of a model holds the saved PipelineModel and ``model.json``, the description of the model for programs
(``clustering.model_card``). ``model.json`` is written last: a model is complete if this file exists.
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
"""Name of the file that describes a model for programs; see ``clustering.model_card``."""


class ModelStore:
    """Saves and loads the models of one output folder.

    Parameters
    ----------
    root : path or URI of the output folder
    single_files : reads and writes ``model.json``
    """

    def __init__(self, root: str, single_files: Files) -> None:
        self.root = root
        self._files = single_files
        self._folder = f"{root}/{FOLDER}"

    def cards(self) -> dict[str, str]:
        """Return the texts of ``model.json`` of all complete models: a dict from model version to JSON text."""
        texts = {name: self.card(name) for name in self._files.list_names(self._folder) or []}
        return {name: text for name, text in texts.items() if text is not None}

    def card(self, version: str) -> str | None:
        """Return the text of ``model.json`` of a model; None if there is no complete model of this version."""
        # guard: model-version-alphanumeric
        if not version.isalnum():  # with a version such as ../x, a file outside of the folder would be read
            return None
        return self._files.read_text(self._card_path(version))

    def save(self, version: str, pipeline: PipelineModel) -> None:
        """Save the PipelineModel of a model; do nothing if the model is complete already.

        Files of an interrupted training in the model's folder are replaced. The model is complete after ``finish``.
        """
        with transactions.output_lock(self.root, FOLDER):
            # guard: finished-model-not-overwritten -> if True:
            if self.card(version) is None:
                pipeline.write().overwrite().save(spark_uri(f"{self._folder}/{version}"))

    def finish(self, version: str, card: str) -> None:
        """Complete a saved model: write ``card``, the text of its ``model.json``."""
        with transactions.output_lock(self.root, FOLDER):
            self._files.write_text(self._card_path(version), card)

    def checkpoint(self, version: str, name: str) -> "GridCheckpoint":
        """Return a GridCheckpoint for a training: it stores the progress in the file NAME.json of the model's folder.

        ``ModelStore.save`` removes this file.
        """
        return GridCheckpoint(f"{self._folder}/{version}", name, self._files)

    def load(self, version: str) -> PipelineModel:
        """Load the PipelineModel of a model. Runs a few small Spark jobs.

        Raises
        ------
        OutputError
            If a file of the model is missing or damaged, for example because the folder was not copied completely.
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
    """Saves the progress of a training to a file, and loads it to continue the training after an interruption.

    Parameters
    ----------
    folder : path or URI of the file's folder
    name : name of the file, without its ending ``.json``
    single_files : reads and writes the file
    """

    def __init__(self, folder: str, name: str, single_files: Files) -> None:
        self._files = single_files
        self._folder = folder
        self._path = f"{folder}/{name}.json"

    def load(self) -> str | None:
        """Return the text saved last; None if there is none."""
        return self._files.read_text(self._path)

    def save(self, text: str) -> None:
        """Replace the file's content by a text. Creates the file and its folder if necessary."""
        self._files.make_folder(self._folder)
        self._files.write_text(self._path, text)
