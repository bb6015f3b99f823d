"""Where models are kept: two runs that make the same one are not in each other's way."""

from types import SimpleNamespace

import pytest

from segue.storage.model_store import ModelStore


@pytest.mark.guard("finished-model-not-overwritten")
def test_a_model_that_another_run_has_finished_meanwhile_stays(tmp_path):
    models, saved = ModelStore(str(tmp_path)), []
    writer = SimpleNamespace(overwrite=lambda: SimpleNamespace(save=saved.append))
    pipeline = SimpleNamespace(write=lambda: writer)
    models.save("m1", pipeline)
    assert saved == [f"file:{tmp_path}/models/m1"]
    (tmp_path / "models" / "m1").mkdir(parents=True)
    # saved and not finished: it may be half of one
    models.save("m1", pipeline)
    assert len(saved) == 2
    models.finish("m1", "{}")
    models.save("m1", pipeline)
    assert len(saved) == 2
    assert models.cards() == {"m1": "{}"}
