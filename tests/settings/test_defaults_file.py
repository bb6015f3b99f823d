"""The settings files of ``conf/`` agree with the models."""

from pathlib import Path

from segue import settings
from segue.settings.defaults_file import defaults_toml

CONF = Path(__file__).parents[2] / "conf"


def test_defaults_file_is_the_one_that_the_models_generate():
    assert (CONF / "defaults.toml").read_text("utf-8") == defaults_toml(), "run tools/defaults_toml.py"


def test_defaults_file_loads_as_the_defaults(tmp_path):
    text = (CONF / "defaults.toml").read_text("utf-8")
    assert settings.load([str(CONF / "defaults.toml")]) == settings.Settings()
    examples = tmp_path / "examples.toml"
    examples.write_text(
        text.replace("\n# k =", "\nk =").replace("\n# years", "\nyears").replace("\n# min_p", "\nmin_p")
    )
    loaded = settings.load([str(examples)])
    assert (loaded.selection.k, loaded.recommend.years_apart, loaded.recommend.min_popularity) == (10, 5, 20.0)


def test_cluster_file_loads():
    loaded = settings.load([str(CONF / "cluster.toml")])
    assert (loaded.ingest.multiline, loaded.clustering.sample_size) == (False, 100_000)
