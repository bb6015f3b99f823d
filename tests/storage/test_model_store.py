"""The model store: two runs that train the same model do not overwrite each other."""

from types import SimpleNamespace

import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.feature import VectorAssembler

from segue.errors import OutputError
from segue.storage.files import Files
from segue.storage.model_store import ModelStore


@pytest.mark.guard("finished-model-not-overwritten")
def test_only_unfinished_models_are_overwritten(tmp_path):
    models, saved = ModelStore(str(tmp_path), Files()), []
    writer = SimpleNamespace(overwrite=lambda: SimpleNamespace(save=saved.append))
    pipeline = SimpleNamespace(write=lambda: writer)
    models.save("m1", pipeline)
    assert saved == [f"file:{tmp_path}/models/m1"]
    (tmp_path / "models" / "m1").mkdir(parents=True)
    # saved but not finished, so it may be incomplete
    models.save("m1", pipeline)
    assert len(saved) == 2
    models.finish("m1", "{}")
    models.save("m1", pipeline)
    assert len(saved) == 2
    assert models.cards() == {"m1": "{}"}


def test_model_that_lacks_a_part_is_refused(spark, tmp_path):
    models = ModelStore(str(tmp_path), Files())
    models.save("m1", PipelineModel([VectorAssembler(inputCols=["bpm"], outputCol="features")]))
    assert len(models.load("m1").stages) == 1
    (metadata,) = tmp_path.glob("models/m1/stages/*/metadata/part-*")
    metadata.write_text("")
    with pytest.raises(OutputError, match=r"is not a complete model .* delete the folder and run train_clusters.py"):
        models.load("m1")
