"""Values of single settings from --set and Python: which are accepted, and the errors for all others."""

import pytest

from segue import settings
from segue.errors import SettingsError
from segue.settings import load


def faults(*assignments, **options):
    with pytest.raises(SettingsError) as refused:
        load(assignments=assignments, **options)
    return refused.value.faults


def value_of(loaded, name):
    section, key = name.split(".")
    return getattr(getattr(loaded, section), key)


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("ingest.mode=snapshot", "snapshot"),
        ('ingest.mode="snapshot"', "snapshot"),
        (" ingest.mode = snapshot ", "snapshot"),
        ("ingest.source=x", "x"),
        ("ingest.source=' x '", "x"),
        ("ingest.multiline=true", True),
        ("ingest.multiline=auto", "auto"),
        ("ingest.encoding=Auto", "auto"),
        ("ingest.encoding=UTF8", "utf-8"),
        ("ingest.encoding=latin-1", "iso8859-1"),
        ("ingest.encoding=cp1252", "cp1252"),
        ("features.columns=bpm, valence", ("bpm", "valence")),
        ('features.columns=["bpm"]', ("bpm",)),
        ("features.log=[]", ()),
        ("features.log=bpm, valence", ("bpm", "valence")),
        ("features.log={bpm = 0, valence = 0.01}", {"bpm": 0.0, "valence": 0.01}),
        ("features.columns=bpm,year,valence", ("bpm", "year", "valence")),
        ("features.weights={bpm = 2, valence = 0.5}", {"bpm": 2.0, "valence": 0.5}),
        ("clustering.ks=5", (5,)),
        ("clustering.ks=5,10,50", (5, 10, 50)),
        ("clustering.ks=10,2-4,3", (2, 3, 4, 10)),
        ("clustering.ks=[10, 5]", (5, 10)),
        ("clustering.tol=1e-3", 0.001),
        ("clustering.tol=1", 1.0),
        ("clustering.seed=0", 0),
        ("selection.k=10", 10),
        ('tuning.scalers=["standard", "robust"]', ("standard", "robust")),
        ('tuning.columns=[["bpm", "energy"], ["valence"]]', (("bpm", "energy"), ("valence",))),
        ('tuning.log=[["bpm"], []]', (("bpm",), ())),
        ("tuning.weights=[{bpm = 2}]", ({"bpm": 2.0},)),
        ("recommend.years_apart=0", 0),
        ("recommend.min_popularity=20", 20.0),
        ("recommend.same_genre=true", True),
        ("label.model_version=0a1b", "0a1b"),
        # model versions of sixteen hexadecimal digits that TOML parses as numbers
        ("label.model_version=1234567890123456", "1234567890123456"),
        ("label.model_version=12345678901234e5", "12345678901234e5"),
    ],
)
def test_set_reads_toml_and_bare_text(assignment, value):
    actual = value_of(load(assignments=[assignment]), assignment.split("=")[0].strip())
    assert actual == value
    assert type(actual) is type(value)


@pytest.mark.parametrize(
    "assignment",
    [
        "ingest.mode=replace",
        "recommend.features=[]",
        "recommend.features=key",
        "recommend.likeness=ten",
        "recommend.log={loudness=1.0}",
        "recommend.log={liveness=0}",
        "recommend.log={year=1}",
        "recommend.weights={year=0}",
        "recommend.weights={cluster=1}",
        "recommend.scaling=robust",
        "recommend.method=fast",
        "recommend.per_artist=-1",
        "recommend.per_artist=true",
        "recommend.same_genre=1",
        "recommend.years_apart=-1",
        "recommend.min_popularity=101",
        "recommend.min_popularity=true",
        "recommend.min_popularity=nan",
        "recommend.playlist_length=0",
        "ingest.mode=1",
        "ingest.source=",
        "ingest.source=' '",
        "ingest.source='\udcff'",
        "ingest.force=yes",
        "ingest.encoding=utf-16",
        "ingest.encoding=cp037",
        "ingest.encoding=utf-7",
        "ingest.encoding=klingon",
        "ingest.encoding=rot13",
        "ingest.encoding=",
        "ingest.multiline=maybe",
        "ingest.multiline=1",
        "features.columns=[]",
        "features.columns=bpm,bpm",
        "features.columns=bpm,tempo",
        "features.columns=[['bpm']]",
        "features.columns=[1]",
        "features.weights=2",
        "features.weights={bpm=0}",
        "features.weights={bpm=-1}",
        "features.weights={bpm=true}",
        "features.weights={bpm=inf}",
        "features.weights={tempo=1}",
        "features.log=loudness",
        "features.log={loudness=70}",
        "features.log={valence=0}",
        "features.log={year=1}",
        "features.guide=artist",
        "features.optional=popularity",
        "features.log=bpm,bpm",
        "clustering.ks=9-4",
        "clustering.ks=1-4",
        "clustering.ks=2-1001",
        "clustering.ks=2-99999999999999999999",
        "clustering.ks=5,",
        "clustering.ks=-5",
        "clustering.ks=2.5",
        "clustering.ks=true",
        "clustering.ks=[]",
        "clustering.ks=[5, true]",
        "clustering.ks=[5, 1001]",
        "clustering.ks=2020-01-01",
        "clustering.restarts=0",
        "clustering.restarts=2.0",
        "clustering.restarts=true",
        'clustering.restarts="5"',
        "clustering.tol=0",
        "clustering.tol=nan",
        "clustering.tol=inf",
        "clustering.tol=true",
        'clustering.tol="1"',
        pytest.param(f"clustering.tol={10**400}", id="tol of 401 digits"),
        pytest.param(f"clustering.seed={'1' * 5000}", id="seed of 5000 digits"),
        pytest.param(f"clustering.seed=0x{'f' * 5000}", id="seed of 5000 hexadecimal digits"),
        pytest.param(f"tuning.columns={'[' * 20_000}", id="20000 brackets"),
        "clustering.seed=1\nks = 3",
        "clustering.seed=-1",
        "selection.k=1",
        "selection.min_k=one",
        "selection.min_k=1",
        "tuning.scalers=standard",
        'tuning.scalers=["quantile"]',
        "tuning.columns=[[]]",
        "tuning.weights=[{bpm=0}]",
    ],
)
def test_wrong_value_is_named_with_what_is_expected(assignment):
    (fault,) = faults(assignment)
    assert fault.startswith(assignment.split("=")[0] + " is ")
    assert ", expected " in fault


@pytest.mark.parametrize(
    ("assignment", "fault"),
    [
        (
            "clustering.ks=x",
            'clustering.ks is \'x\', expected whole numbers from 2 to 1000 such as "2-20" or "5,10,50", '
            "each range rising",
        ),
        ("ingest.mode=x", "ingest.mode is 'x', expected one of upsert, snapshot"),
        ("ingest.force=1", "ingest.force is 1, expected true or false"),
        ("ingest.multiline=x", "ingest.multiline is 'x', expected true, false or \"auto\""),
        ("selection.min_k=1", "selection.min_k is 1, expected a whole number of at least 2"),
        ("clustering.tol=0", "clustering.tol is 0, expected a number above 0"),
        ("tuning.scalers=x", "tuning.scalers is 'x', expected a list, each one of minmax, standard, robust"),
    ],
)
def test_wrong_value_has_an_exact_message(assignment, fault):
    assert faults(assignment) == (fault,)


def test_faults_of_tuning_say_what_is_expected():
    all_faults = faults(
        "tuning.scalers=standard", 'tuning.columns=[["tempo"]]', 'tuning.log=[["loudness"]]', "tuning.weights=3"
    )
    starts = [
        "tuning.columns is [['tempo']], expected a list, each a list of different names out of bpm",
        "tuning.scalers is 'standard', expected a list, each one of minmax",
        "tuning.log is [['loudness']], expected a list, each a list of different features that are never negative",
        "tuning.weights is 3, expected a list, each a table of features",
    ]
    assert [fault[: len(start)] for fault, start in zip(all_faults, starts, strict=True)] == starts


def test_list_with_several_wrong_items_is_one_fault():
    assert len(faults('tuning.scalers=["x", "y"]')) == 1


@pytest.mark.parametrize(
    ("ks", "expected"),
    [
        ("2-4", (2, 3, 4)),
        (5, (5,)),
        (range(3, 6), (3, 4, 5)),
        (range(9, 2, -3), (3, 6, 9)),
        ([10, 5, 5], (5, 10)),
        ((4, 2), (2, 4)),
    ],
)
def test_ks_from_python_are_sorted_and_distinct(ks, expected):
    assert load(overrides={"clustering": {"ks": ks}}).clustering.ks == expected


@pytest.mark.parametrize("ks", [range(0), range(1, 5), range(2, 10**18), [], [2, 2.0], [True], None, {5}, 2.0, b"5"])
def test_wrong_ks_from_python_are_refused(ks):
    (fault,) = faults(overrides={"clustering": {"ks": ks}})
    assert fault.startswith(f"clustering.ks is {ks!r}, expected whole numbers from 2 to 1000")


@pytest.mark.parametrize(
    ("text", "ks"),
    [("5", (5,)), ("2-4", (2, 3, 4)), ("10, 2-4 ,3", (2, 3, 4, 10)), ("1000", (1000,))],
)
def test_parse_ks_accepts_numbers_and_ranges(text, ks):
    assert settings.parse_ks(text) == ks


@pytest.mark.parametrize(
    "text", ["", "5,", "9-4", "1-4", "2-1001", "2-99999999999999999999", "-5", "2.5", "2-3-4", "x"]
)
def test_parse_ks_refuses_wrong_text(text):
    with pytest.raises(ValueError, match='expected whole numbers from 2 to 1000 such as "2-20" or "5,10,50"'):
        settings.parse_ks(text)
