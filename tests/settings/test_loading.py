"""Settings: one definition each, changed by TOML and --set, and every fault named at once."""

from pathlib import Path

import pytest

from segue.errors import SettingsError
from segue.settings import loading


def faults(*assignments: str, **options: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        loading.load(assignments=assignments, **options)
    return refused.value.faults


def test_defaults_are_those_of_the_contract():
    settings = loading.load()
    assert settings.ingest == loading.Ingest("auto", "upsert", "utf-8", "refuse", "auto", False)
    six = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")
    assert settings.features == loading.Features(six, "minmax", "reject", (), {})
    assert settings.clustering.ks == tuple(range(2, 21))
    assert settings.selection == loading.Selection("silhouette", 8, None, 6)
    assert settings.tuning == loading.Tuning((), (), (), ())
    assert settings.clustering.engine == "fused"
    assert (settings.train.when, settings.label.model_version) == ("missing", "latest")
    nine = (*six, "energy", "danceability", "duration_s")
    assert settings.recommend == loading.Recommend(nine, "standard", "auto", 2, False, False, None, None, True, 30)


@pytest.mark.parametrize(
    ("assignment", "wanted"),
    [
        ("ingest.mode=snapshot", "snapshot"),
        ('ingest.mode="snapshot"', "snapshot"),
        (" ingest.mode = snapshot ", "snapshot"),
        ("ingest.multiline=true", True),
        ("ingest.encoding=UTF8", "utf-8"),
        ("ingest.encoding=latin-1", "iso8859-1"),
        ("ingest.encoding=cp1252", "cp1252"),
        ("features.columns=bpm, valence", ("bpm", "valence")),
        ('features.columns=["bpm"]', ("bpm",)),
        ("features.log=[]", ()),
        ("features.weights={bpm = 2, valence = 0.5}", {"bpm": 2.0, "valence": 0.5}),
        ("clustering.ks=5", (5,)),
        ("clustering.ks=5,10,50", (5, 10, 50)),
        ("clustering.ks=10,2-4,3", (2, 3, 4, 10)),
        ("clustering.tol=1e-3", 0.001),
        ("clustering.seed=0", 0),
        ("selection.k=10", 10),
        ('tuning.scalers=["standard", "robust"]', ("standard", "robust")),
        ('tuning.columns=[["bpm", "energy"], ["valence"]]', (("bpm", "energy"), ("valence",))),
        ("tuning.weights=[{bpm = 2}]", ({"bpm": 2.0},)),
        ("recommend.years_apart=0", 0),
        ("recommend.least_popularity=20", 20.0),
        ("recommend.same_genre=true", True),
        ("label.model_version=0a1b", "0a1b"),
        # sixteen hexadecimal digits that TOML takes for a number
        ("label.model_version=1234567890123456", "1234567890123456"),
        ("label.model_version=12345678901234e5", "12345678901234e5"),
    ],
)
def test_set_reads_toml_and_bare_text(assignment, wanted):
    section, name = assignment.split("=")[0].strip().split(".")
    assert getattr(getattr(loading.load(assignments=[assignment]), section), name) == wanted


@pytest.mark.parametrize(
    "assignment",
    [
        "ingest.mode=replace",
        "recommend.features=[]",
        "recommend.scaling=robust",
        "recommend.method=fast",
        "recommend.per_artist=-1",
        "recommend.per_artist=true",
        "recommend.same_genre=1",
        "recommend.years_apart=-1",
        "recommend.least_popularity=101",
        "recommend.playlist_length=0",
        "ingest.mode=1",
        "ingest.source=' '",
        "ingest.encoding=utf-16",
        "ingest.encoding=cp037",
        "ingest.encoding=utf-7",
        "ingest.encoding=klingon",
        "ingest.encoding=rot13",
        "ingest.multiline=maybe",
        "features.columns=[]",
        "features.columns=bpm,bpm",
        "features.columns=bpm,tempo",
        "features.columns=[['bpm']]",
        "features.weights=2",
        "features.weights={bpm=0}",
        "features.weights={bpm=-1}",
        "features.weights={tempo=1}",
        "clustering.ks=9-4",
        "clustering.ks=1-4",
        "clustering.ks=2-1001",
        "clustering.ks=2-99999999999999999999",
        "clustering.ks=5,",
        "clustering.ks=-5",
        "clustering.ks=2.5",
        "clustering.ks=true",
        "clustering.restarts=0",
        "clustering.restarts=2.0",
        "clustering.restarts=true",
        "clustering.tol=0",
        "clustering.tol=nan",
        "clustering.tol=inf",
        pytest.param(f"clustering.tol={10**400}", id="tol of 401 digits"),
        pytest.param(f"clustering.seed={'1' * 5000}", id="seed of 5000 digits"),
        "clustering.seed=-1",
        "selection.k=1",
        "selection.fewest=one",
    ],
)
def test_wrong_value_is_named_with_what_was_wanted(assignment):
    (fault,) = faults(assignment)
    assert fault.startswith(assignment.split("=")[0] + " is ")
    assert ", wanted " in fault


def test_unknown_setting_gets_a_suggestion():
    assert faults("clustering.k=2-5") == ("unknown setting clustering.k, did you mean clustering.ks?",)
    assert faults("zzzzz=1") == ("unknown setting zzzzz",)


def test_assignment_without_a_sign_is_a_fault():
    assert faults("clustering.ks") == ("--set clustering.ks: wanted section.key=value",)


def test_every_fault_is_named_at_once():
    found = faults("clustering.ks=9-4", "ingest.mode=x", "clusterng.seed=1", "seed")
    assert len(found) == 4
    assert str(SettingsError(found)) == "; ".join(found)


@pytest.mark.parametrize(
    ("assignments", "named"),
    [
        (["selection.rule=fixed"], ["selection.rule", "selection.k"]),
        (["features.log=['loudness']"], ["features.log", "loudness"]),
        (["features.log=['energy']"], ["features.log", "energy"]),
        (["features.columns=bpm", "features.weights={valence=2}"], ["features.weights", "valence"]),
    ],
)
def test_settings_that_contradict_each_other(assignments, named):
    (fault,) = faults(*assignments)
    assert all(name in fault for name in named)


def test_contradictions_are_told_together_with_other_faults():
    found = faults("selection.rule=fixed", "clustering.restarts=0")
    assert len(found) == 2


def test_wrong_value_is_told_once_and_not_as_a_contradiction_too():
    (fault,) = faults("selection.rule=fixed", "selection.k=1")
    assert fault.startswith("selection.k is 1")


def test_file_changes_defaults_and_set_changes_the_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[clustering]\nks = "3-5"\nseed = 7\n[features.weights]\nbpm = 0.5\n')
    settings = loading.load(str(file), ["clustering.seed=8", "clustering.seed=9"])
    assert (settings.clustering.ks, settings.clustering.seed) == ((3, 4, 5), 9)
    assert settings.features.weights == {"bpm": 0.5}
    assert settings.clustering.restarts == loading.load().clustering.restarts


@pytest.mark.parametrize("content", [b"[clustering", b"[ingest]\nsource = '\xe9'\n"])
def test_file_that_is_not_toml(tmp_path, content):
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    (fault,) = faults(config=str(file))
    assert fault.startswith(f"--config {file}: not TOML in UTF-8")


def test_file_that_is_not_there_does_not_hide_other_faults(tmp_path):
    found = faults("ingest.mode=x", config=str(tmp_path / "none.toml"))
    assert len(found) == 2
    assert "No such file" in found[0]


def test_file_faults_are_named_like_those_of_set(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("clustering = 5\n[ingest]\nmod = 'snapshot'\n")
    assert sorted(text.split(",")[0] for text in faults(config=str(file))) == [
        "unknown setting clustering",
        "unknown setting ingest.mod",
    ]


def test_faults_of_tuning_say_what_was_wanted():
    told = faults(
        "tuning.scalers=standard", 'tuning.columns=[["tempo"]]', 'tuning.log=[["loudness"]]', "tuning.weights=3"
    )
    wanted = [
        "tuning.scalers is 'standard', wanted a list of scalers",
        "tuning.columns is [['tempo']], wanted a list of feature sets, each a list of different names out of bpm",
        "tuning.log names loudness, which may be negative",
        "tuning.weights is 3, wanted a list of tables of weights",
    ]
    assert [text for text in wanted if not any(line.startswith(text) for line in told)] == []


def test_the_settings_for_a_cluster_are_settings():
    settings = loading.load(str(Path(__file__).parents[2] / "conf" / "cluster.toml"))
    assert (settings.ingest.multiline, settings.clustering.sample) == (False, 100_000)
