"""Settings from TOML, --set and Python: which value takes precedence, and every fault in one error."""

import re
from pathlib import Path

import pytest

from segue import settings
from segue.errors import SettingsError
from segue.settings import load
from segue.settings.loading import defaults_toml


def faults(*assignments, **options):
    with pytest.raises(SettingsError) as refused:
        load(assignments=assignments, **options)
    return refused.value.faults


def toml(folder, text, name="mine.toml"):
    file = folder / name
    file.write_text(text, "utf-8")
    return str(file)


def value_of(loaded, name):
    section, key = name.split(".")
    return getattr(getattr(loaded, section), key)


def test_load_without_arguments_returns_the_defaults():
    assert load() == settings.Settings()


def test_unknown_setting_gets_a_suggestion():
    assert faults("clustering.k=2-5") == ("unknown setting clustering.k, did you mean clustering.ks?",)
    assert faults("zzzzz=1") == ("unknown setting zzzzz",)


def test_assignment_without_an_equals_sign_is_a_fault():
    assert faults("clustering.ks") == ("--set clustering.ks: expected section.key=value",)


def test_every_fault_is_named_at_once():
    all_faults = faults("clustering.ks=9-4", "ingest.mode=x", "clusterng.seed=1", "seed", "clustering.seed=-1")
    assert len(all_faults) == 5
    assert str(SettingsError(all_faults)) == "; ".join(all_faults)


@pytest.mark.parametrize(
    ("assignments", "names"),
    [
        (["selection.rule=fixed"], ["selection.rule", "selection.k"]),
        (["features.log=['loudness']"], ["features.log", "loudness"]),
        (["features.log=['energy']"], ["features.log", "energy"]),
        (["features.columns=bpm", "features.weights={valence=2}"], ["features.weights", "valence"]),
        (["features.guide=genre", "features.weights={bpm=2}"], ["features.guide", "'genre'", "features.weights"]),
        (["train.when=always", "label.model_version=0a1b"], ["train.when", "label.model_version", "'0a1b'"]),
    ],
)
def test_contradicting_settings_are_named_in_one_fault(assignments, names):
    (fault,) = faults(*assignments)
    assert all(name in fault for name in names)


def test_contradictions_are_named_together_with_other_faults():
    assert len(faults("selection.rule=fixed", "clustering.restarts=0")) == 2
    # also with a wrong value in the same section
    assert len(faults("selection.rule=fixed", "selection.min_k=1")) == 2
    assert len(faults("features.log=energy", "features.weights={energy=2}", "features.scaler=x")) == 3
    assert len(faults("train.when=always", "label.model_version=0a1b", "report.points=0")) == 2


@pytest.mark.parametrize(
    ("assignments", "start"),
    [
        (["selection.rule=fixed", "selection.k=1"], "selection.k is 1"),
        (["selection.rule=fxed"], "selection.rule is 'fxed'"),
        (["features.columns=tempo", "features.log=energy"], "features.columns is 'tempo'"),
        (["train.when=alway", "label.model_version=0a1b"], "train.when is 'alway'"),
    ],
)
def test_wrong_value_is_not_also_a_contradiction(assignments, start):
    (fault,) = faults(*assignments)
    assert fault.startswith(start)


def test_set_takes_precedence_over_files_and_overrides_over_set(tmp_path):
    first = toml(tmp_path, '[clustering]\nks = "3-5"\nseed = 7\ntol = 0.5\n[features.weights]\nbpm = 0.5\n', "1.toml")
    second = toml(tmp_path, "[clustering]\nseed = 8\nmax_iter = 3\n", "2.toml")
    assert load([first, second]).clustering.seed == 8
    assert load([second, first]).clustering.seed == 7
    words = ["clustering.seed=9", "clustering.seed=10", "clustering.max_iter=4"]
    loaded = load([first, second], words, {"clustering": {"max_iter": 5}})
    assert loaded.clustering == settings.ClusteringSettings(ks=(3, 4, 5), seed=10, tol=0.5, max_iter=5)
    assert loaded.features.weights == {"bpm": 0.5}


@pytest.mark.parametrize("content", [b"[clustering", b"[ingest]\nsource = '\xe9'\n", b"a = " + b"[" * 20_000])
def test_file_that_is_not_toml_is_refused(tmp_path, content):
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    (fault,) = faults(configs=[str(file)])
    assert fault.startswith(f"--config {file}: not TOML in UTF-8")


def test_missing_files_do_not_hide_other_faults(tmp_path):
    missing = [str(tmp_path / "1.toml"), str(tmp_path / "2.toml")]
    all_faults = faults("ingest.mode=x", configs=missing)
    assert all_faults[:2] == tuple(f"--config {path}: No such file or directory" for path in missing)
    assert len(all_faults) == 3


def test_unknown_settings_in_a_file_are_named_in_full(tmp_path):
    file = toml(tmp_path, "clustering = 5\n[ingest]\nmod = 'snapshot'\n")
    assert sorted(text.split(",")[0] for text in faults(configs=[file])) == [
        "unknown setting clustering",
        "unknown setting ingest.mod",
    ]


def test_overrides_take_python_values_and_name_all_faults():
    loaded = load(overrides={"features": {"columns": ("bpm",), "weights": {"bpm": 2}}, "selection": {"k": None}})
    assert (loaded.features.columns, loaded.features.weights, loaded.selection.k) == (("bpm",), {"bpm": 2.0}, None)
    wrong = {"clustering": {"seed": "5", "sed": 1, 7: 1}, "selection": {"k": 10**6000}, "report": None}
    all_faults = faults(overrides=wrong)
    assert [re.split(", (?:did|expected)", fault)[0] for fault in all_faults] == [
        "unknown setting clustering.7",
        "unknown setting clustering.sed",
        "unknown setting report",
        "clustering.seed is '5'",
        "selection.k is a number of more digits than can be shown",
    ]


FORMER = [
    ("clustering.sample", "clustering.sample_size", 5000),
    ("selection.fewest", "selection.min_k", 3),
    ("selection.halves", "selection.subsamples", 4),
    ("ingest.again", "ingest.force", True),
    ("recommend.least_popularity", "recommend.min_popularity", 20),
]


@pytest.mark.parametrize(("former", "current", "value"), FORMER)
def test_former_name_is_accepted_with_one_warning(former, current, value, tmp_path, caplog):
    section, key = former.split(".")
    text = str(value).lower()
    file = toml(tmp_path, f"[{section}]\n{key} = {text}\n")
    ways = [
        {"configs": [file]},
        {"assignments": [f"{former}={text}"]},
        {"overrides": {section: {key: value}}},
        {"configs": [file, file], "assignments": [f"{former}={text}"]},
    ]
    for way in ways:
        caplog.clear()
        assert value_of(load(**way), current) == value
        (record,) = caplog.records
        assert record.levelname == "WARNING"
        assert record.name == "segue.settings.loading"
        assert re.search(rf"{former}\b.*{current}\b.*0\.3\.0", record.getMessage())


def test_current_names_are_loaded_without_a_warning(caplog):
    load(assignments=[f"{current}={str(value).lower()}" for _, current, value in FORMER])
    assert caplog.records == []


def test_former_name_takes_the_precedence_of_its_source(tmp_path):
    file = toml(tmp_path, "[selection]\nmin_k = 3\n")
    assert load([file], ["selection.fewest=4"]).selection.min_k == 4
    assert load([file], ["selection.fewest=4"], {"selection": {"min_k": 5}}).selection.min_k == 5


def test_both_names_in_one_source_are_a_fault(tmp_path):
    file = toml(tmp_path, "[selection]\nmin_k = 3\nfewest = 3\n")
    tail = "gives both selection.fewest and selection.min_k, which is its current name: remove selection.fewest"
    assert faults(configs=[file]) == (f"--config {file} {tail}",)
    assert faults("selection.fewest=3", "selection.min_k=3") == (f"--set {tail}",)
    assert faults(overrides={"selection": {"fewest": 3, "min_k": 3}}) == (f"the Python call {tail}",)


def test_wrong_value_of_a_former_name_names_the_current_one():
    (fault,) = faults("selection.fewest=1")
    assert fault == "selection.min_k is 1, expected a whole number of at least 2"


def test_saved_settings_get_current_names_without_a_warning(caplog):
    saved = {
        "clustering": {"ks": [2, 3], "sample": 50000, "seed": 0},
        "selection": {"rule": "knee", "fewest": 8, "k": None, "halves": 6},
        "sample": {"again": True},
        "other": 5,
    }
    before = repr(saved)
    assert settings.with_current_names(saved) == {
        "clustering": {"ks": [2, 3], "sample_size": 50000, "seed": 0},
        "selection": {"rule": "knee", "min_k": 8, "k": None, "subsamples": 6},
        "sample": {"again": True},
        "other": 5,
    }
    assert repr(saved) == before
    assert settings.with_current_names({"selection": {"min_k": 3, "fewest": 2}}) == {"selection": {"min_k": 3}}
    assert caplog.records == []


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


def test_recipes_are_read_from_the_package_where_there_is_no_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed = toml(tmp_path, '[features]\nscaler = "robust"\n')
    loaded = load(["conf/recipes/sound.toml", changed])
    assert loaded == load(
        overrides=settings.recipe("sound") | {"features": {**settings.recipe("sound")["features"], "scaler": "robust"}}
    )
    assert (len(loaded.features.columns), loaded.features.scaler) == (10, "robust")
    assert loaded.features.required == load().features.columns
    # a file of the user takes precedence
    (tmp_path / "conf" / "recipes").mkdir(parents=True)
    toml(tmp_path / "conf" / "recipes", "[clustering]\nseed = 7\n", "sound.toml")
    assert load(["conf/recipes/sound.toml"]) == load(assignments=["clustering.seed=7"])
    with pytest.raises(SettingsError, match=r"conf/recipes/none\.toml: No such file"):
        load(["conf/recipes/none.toml"])
    with pytest.raises(SettingsError, match="unknown recipe 'loud', expected one of classic, era, guided, sound"):
        settings.recipe("loud")


def test_classic_is_the_default():
    assert load(["conf/recipes/classic.toml"]) == load()
