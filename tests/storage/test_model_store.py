"""The model store: two runs that train the same model do not overwrite each other."""

from types import SimpleNamespace

import pytest

from segue.storage.model_store import ModelStore


@pytest.mark.guard("finished-model-not-overwritten")
def test_only_unfinished_models_are_overwritten(tmp_path):
    models, saved = ModelStore(str(tmp_path)), []
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
