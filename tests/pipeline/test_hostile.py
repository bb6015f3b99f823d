"""Hostile catalogue texts, file names, column names and settings are treated as text by every stage."""

import csv
import json
import unicodedata

import pytest
from deltalake import DeltaTable
from pyspark.sql import types as T
from tests.report.hostile_numbers import TEXTS

from segue.pipeline import ingest, label, run_all

CORPUS = [
    *TEXTS,
    "'; DROP TABLE tracks; --",
    "` OR 1=1 --",
    "${spark.sql.shuffle.partitions} $(touch pwned) `touch pwned`",
    "../../../../etc/passwd",
    '=HYPERLINK("http://x","y")',
    "+1+cmd|' /C calc'!A0",
    "12:00:00 error: all is lost",
    "\\N \\u0041 \\x41 %s %d {0} {title}",
    "null",
    "x\ty",
]
HEADER = ["id", "name", "artists", "genre", "tempo", "loudness", "liveness", "valence", "acousticness", "speechiness"]
EXTRA = ["`; DROP TABLE tracks; --", "a.b", "${x}", "<script>alert(1)</script>", "\u202eemag"]
QUICK = ["clustering.ks=2-3", "clustering.restarts=1", "selection.min_k=2", "report.searchable=30"]


def rows():
    """Return one track per text of ``CORPUS``, with the text as title, artist and genre; one without artist."""
    tracks = []
    for number, text in enumerate(CORPUS):
        usable = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
        numbers = [f"{60 + 3 * number}", f"-{number % 50}.5", *(f"0.{(7 * number + i) % 97:02d}" for i in range(4))]
        tracks.append([f"id{number}x", usable or "-", usable or "-", usable or "-", *numbers, *("x" for _ in EXTRA)])
    return [*tracks, ["idx", "Of nobody", "?", "pop", *tracks[0][4:]]]


@pytest.fixture
def input_folder(tmp_path):
    """A folder with a hostile name, which holds a file with another hostile name."""
    folder = tmp_path / "in 'x` $(touch pwned) {a,b}"
    folder.mkdir()
    path = folder / "'; DROP TABLE x; -- \x1b[31m\u202e.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([[*HEADER, *EXTRA], *rows()])
    return folder


def test_hostile_texts_are_only_text_from_file_to_page(input_folder, run_job, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "out $(touch pwned) 'x`"
    words = [word for setting in QUICK for word in ("--set", setting)]
    assert run_job(run_all.JOB, "--input", input_folder, "--output", root, *words) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([input_folder.name, root.name])
    tracks = DeltaTable(str(root / "tracks")).to_pandas().set_index("track_id")
    rejected = DeltaTable(str(root / "rejected_tracks")).to_pandas()
    titles = {row[0]: unicodedata.normalize("NFC", row[1].strip()) for row in rows()}
    assert len(tracks) + len(rejected) == len(titles)
    # only placeholders of missing values are rejected
    rejected_titles = {titles[name] for name in titles.keys() - set(tracks.index)}
    assert rejected_titles <= {"", "-", "null"}
    assert {name: titles[name] for name in tracks.index} == tracks.title.to_dict()
    # a track of an unknown artist passes through every stage
    labeled = DeltaTable(str(root / "labeled_tracks")).to_pandas().set_index("track_id")
    assert labeled.artist["idx"] is None
    page = (root / "report.html").read_text("utf-8")
    assert not any(text in page for text in ("<script>alert", "<img src=x", "DROP TABLE tracks; --<"))
    output = capfd.readouterr()
    assert "\x1b[31m" not in output.out + output.err
    assert "\u202e" not in output.out + output.err
    assert not [line for line in output.err.splitlines() if line.startswith("12:00:00 error")]


def test_typed_files_may_have_hostile_column_names(spark, run_job, tmp_path):
    names = [*HEADER[:4], *EXTRA, *HEADER[4:]]
    fields = [T.StructField(name, T.DoubleType() if name in HEADER[4:] else T.StringType()) for name in names]
    tracks = [
        ("a", "t", "b", "rock", *("x" for _ in EXTRA), 90.0, -5.0, 0.1, 0.2, 0.3, 0.4),
        ("c", "u", "b", "rock", *("x" for _ in EXTRA), 95.0, -5.0, 0.1, 0.2, 0.3, 0.4),
    ]
    spark.createDataFrame(tracks, T.StructType(fields)).write.parquet(str(tmp_path / "in.parquet"))
    assert run_job(ingest.JOB, "--input", tmp_path / "in.parquet", "--output", tmp_path / "out") == 0
    assert sorted(DeltaTable(str(tmp_path / "out" / "tracks")).to_pandas().title) == ["t", "u"]


@pytest.mark.guard("model-version-alphanumeric")
def test_settings_cannot_name_files_outside_the_output(run_job, tmp_path, capsys):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "model.json").write_text(json.dumps({"model_version": "x"}), "utf-8")
    words = ["--output", tmp_path / "out", "--set", "label.model_version=../../elsewhere"]
    assert run_job(label.JOB, *words) == 3
    assert "no complete model '../../elsewhere'" in capsys.readouterr().err
    words = ["--input", "x", "--output", tmp_path / "out", "--set", "ingest.source=../../etc/passwd"]
    assert run_job(ingest.JOB, *words) == 2


@pytest.mark.guard("output-with-variable-refused")
def test_output_with_a_spark_variable_in_its_name_is_refused(run_job, tmp_path, capsys):
    root = tmp_path / "out ${spark.sql.shuffle.partitions}"
    assert run_job(label.JOB, "--output", root) == 3
    assert "error: --output" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.guard("secrets-redacted")
@pytest.mark.parametrize(
    ("path", "shown"), [("s3a://AKIAKEY:hunter2/x@bucket/tracks.csv", None), ("in/token=hunter2/", "token=***")]
)
def test_secrets_in_the_input_path_are_redacted(path, shown, run_job, tmp_path, capsys):
    secret = path if "://" in path else f"{tmp_path}/{path}tracks.csv"
    assert run_job(ingest.JOB, "--input", secret, "--output", tmp_path / "out") in (1, 3)
    output = capsys.readouterr()
    runs = DeltaTable(str(tmp_path / "out" / "runs")).to_pandas()
    everything = output.out + output.err + runs.to_json()
    assert "hunter2" not in everything
    if shown:
        assert shown in output.err
        assert shown in runs.error[0]
    else:
        assert "AKIAKEY" not in everything
