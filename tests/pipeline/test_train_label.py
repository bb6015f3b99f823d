"""Training and labeling: reproducible bits, a model readable in any language, and refused input."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from pyspark.ml import PipelineModel
from pyspark.sql import functions as F
from sklearn.metrics import silhouette_samples, silhouette_score

from segue import schema
from segue.clustering.descriptions import PHRASES
from segue.pipeline import label, recommend, report, train
from segue.runtime import runner
from segue.storage.store import Store
from segue.synthetic import as_table_rows, synthetic_tracks

QUICK = ["--set", "clustering.ks=3-5", "--set", "clustering.restarts=1", "--set", "selection.min_k=4"]


@pytest.fixture(scope="module")
def catalogue(spark):
    """200 tracks with the columns of ``tracks``."""
    return as_table_rows(synthetic_tracks(spark, 200, seed=3)).cache()


def stored(spark, root, tracks):
    """Write tracks to a folder and return the folder."""
    Store(spark, str(root)).sync(schema.TRACKS, tracks, remove_missing=True)
    return root


def table(root, name):
    return DeltaTable(str(root / name)).to_pandas()


def model_card(root):
    """Return the content of the one model.json of an output."""
    (path,) = (root / "models").glob("*/model.json")
    return json.loads(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def trained(spark, catalogue, tmp_path_factory):
    """An output with tracks, one model and labels, which no test may change."""
    root = stored(spark, tmp_path_factory.mktemp("trained"), catalogue)
    for entry, options in ((train.JOB, QUICK), (label.JOB, [])):
        assert runner.execute(entry, ["--output", str(root), *options], start=lambda _: spark) == 0
    return root


def test_k_scores_list_every_k_and_mark_the_rules_choice(trained):
    scores = table(trained, "k_scores").sort_values("k")
    assert scores.k.tolist() == [3, 4, 5]
    assert scores.inertia.is_monotonic_decreasing
    eligible = scores[scores.k >= 4]
    assert scores[scores.chosen].k.tolist() == [eligible.loc[eligible.silhouette.idxmax()].k]
    assert set(scores.space) == {"minmax: bpm, loudness, liveness, valence, acousticness, speechiness"}
    assert scores.genre_nmi.between(0, 1).all()


def test_numpy_and_model_json_alone_reproduce_every_label(trained):
    card, labeled = model_card(trained), table(trained, "labeled_tracks")
    low, high = (np.array(card["scaler"][end]) for end in ("minimum", "maximum"))
    scaled = (labeled[card["features"]].to_numpy() - low) / (high - low)
    centres = np.array(card["centres_scaled"])
    squared_distances = ((scaled[:, None] - centres[None]) ** 2).sum(-1)
    assert (squared_distances.argmin(1) + 1).tolist() == labeled.cluster.tolist()
    assert np.sqrt(squared_distances.min(1)) == pytest.approx(labeled.distance.to_numpy(), abs=1e-9)
    assert (squared_distances.argsort(1)[:, 1] + 1).tolist() == labeled.second_cluster.tolist()
    assert np.array(card["centres"]) == pytest.approx(centres * (high - low) + low, abs=1e-9)


def test_silhouettes_equal_scikit_learns(trained):
    card, labeled, scores = model_card(trained), table(trained, "labeled_tracks"), table(trained, "k_scores")
    low, high = (np.array(card["scaler"][end]) for end in ("minimum", "maximum"))
    scaled = (labeled[card["features"]].to_numpy() - low) / (high - low)
    chosen = scores[scores.chosen].iloc[0]
    assert chosen.silhouette == pytest.approx(silhouette_score(scaled, labeled.cluster, metric="sqeuclidean"), abs=1e-9)
    samples = silhouette_samples(scaled, labeled.cluster, metric="sqeuclidean")
    assert labeled.silhouette.to_numpy() == pytest.approx(samples, abs=1e-9)
    profiles = table(trained, "cluster_profiles").sort_values("cluster")
    means = labeled.assign(s=samples).groupby("cluster").s.mean()
    assert profiles.silhouette.to_numpy() == pytest.approx(means.to_numpy(), abs=1e-9)


def test_clusters_are_numbered_by_size_and_named(trained):
    card, labeled = model_card(trained), table(trained, "labeled_tracks")
    sizes = labeled.cluster.value_counts().sort_index()
    assert sizes.tolist() == card["sizes"] == sorted(card["sizes"], reverse=True)
    assert card["cluster_names"] == [f"Cluster {n}" for n in range(1, len(sizes) + 1)]
    pairs = {(row.cluster_name, row.cluster_description) for row in labeled.itertuples()}
    assert pairs == set(zip(card["cluster_names"], card["cluster_descriptions"], strict=True))


def test_saved_pipeline_has_only_pyspark_ml_stages(spark, trained, catalogue):
    version = model_card(trained)["model_version"]
    loaded = PipelineModel.load(str(trained / "models" / version))
    assert all(type(stage).__module__.startswith("pyspark.ml.") for stage in loaded.stages)
    predicted = loaded.transform(catalogue).select("track_id", (F.col("prediction") + 1).alias("cluster")).toPandas()
    expected = table(trained, "labeled_tracks").set_index("track_id").cluster
    assert (predicted.set_index("track_id").cluster.sort_index() == expected.sort_index()).all()


def test_partitions_and_row_order_change_no_bit(spark, run_job, catalogue, trained, tmp_path):
    root = stored(spark, tmp_path / "out", catalogue.repartition(8, F.rand(1)))
    for entry, options in ((train.JOB, QUICK), (label.JOB, [])):
        assert run_job(entry, "--output", root, *options) == 0
    one, other = model_card(trained), model_card(root)
    for name in ("model_version", "centres_scaled", "centres", "scaler", "sizes", "cluster_descriptions"):
        assert one[name] == other[name]
    columns = ["track_id", "cluster", "second_cluster", "is_outlier"]
    labels = [table(r, "labeled_tracks")[columns].sort_values("track_id").to_numpy().tolist() for r in (trained, root)]
    assert labels[0] == labels[1]


def test_training_and_labeling_again_write_only_to_runs(spark, run_job, trained):
    names = ["tracks", "k_scores", "labeled_tracks", "cluster_profiles"]
    before = {name: DeltaTable(str(trained / name)).version() for name in names}
    files = {path: path.stat().st_mtime_ns for path in (trained / "models").rglob("*") if path.is_file()}
    for entry, options in ((train.JOB, QUICK), (label.JOB, []), (label.JOB, ["--tracks", "all"])):
        assert run_job(entry, "--output", trained, *options) == 0
    assert {name: DeltaTable(str(trained / name)).version() for name in names} == before
    assert {path: path.stat().st_mtime_ns for path in (trained / "models").rglob("*") if path.is_file()} == files


def test_other_words_make_new_descriptions_and_nothing_else(run_job, trained, tmp_path):
    root = shutil.copytree(trained, tmp_path / "out")
    words = [f'{name} = {{ high = "viel {name}", low = "wenig {name}" }}' for name in PHRASES]
    words += ['slight = "eher {}"', 'extreme = "sehr {}"', 'mid_tempo = "mittleres Tempo"']
    german_words = ("--set", f"label.words={{ {', '.join(words)} }}")
    assert run_job(recommend.JOB, "--output", root) == 0
    english, lists = (table(root, name).set_index("track_id") for name in ("labeled_tracks", "similar_tracks"))
    files = {path: path.stat().st_mtime_ns for path in (root / "models").rglob("*")}
    assert run_job(label.JOB, "--output", root, *german_words) == 0
    german = table(root, "labeled_tracks").set_index("track_id").loc[english.index]
    others = [name for name in english.columns if name != "cluster_description"]
    pd.testing.assert_frame_equal(german[others], english[others])
    expected = {"mid-tempo": "mittleres Tempo"}
    for name, directions in PHRASES.items():
        for word, phrases in zip((f"viel {name}", f"wenig {name}"), directions, strict=True):
            expected |= dict(zip(phrases, (f"eher {word}", word, f"sehr {word}"), strict=True))
    for before, after in zip(english.cluster_description, german.cluster_description, strict=True):
        assert after.split(", ") == [expected.get(part, part) for part in before.split(", ")]
    assert german.cluster_description.str.contains("viel|wenig").all()
    profiles = table(root, "cluster_profiles").set_index("cluster").cluster_description
    assert set(zip(german.cluster, german.cluster_description, strict=True)) == set(profiles.items())
    assert profiles.nunique() == len(profiles)
    for entry, options in ((label.JOB, german_words), (recommend.JOB, ()), (report.JOB, ())):
        assert run_job(entry, "--output", root, *options) == 0
    assert profiles[1] in (root / "report.html").read_text("utf-8")
    assert table(root, "similar_tracks").set_index("track_id").made_from.to_dict() == lists.made_from.to_dict()
    assert DeltaTable(str(root / "labeled_tracks")).version() == 1
    assert {path: path.stat().st_mtime_ns for path in (root / "models").rglob("*")} == files
    assert run_job(label.JOB, "--output", root) == 0
    pd.testing.assert_frame_equal(table(root, "labeled_tracks").set_index("track_id").loc[english.index], english)


def test_only_new_tracks_are_labeled(spark, run_job, catalogue, trained, tmp_path):
    root = tmp_path / "out"
    shutil.copytree(trained, root)
    before = table(root, "labeled_tracks").sort_values("track_id").reset_index(drop=True)
    new = catalogue.orderBy("track_id").limit(20).withColumn("track_id", F.concat(F.lit("new"), "track_id"))
    stored(spark, root, catalogue.union(new))
    assert run_job(label.JOB, "--output", root) == 0
    after = table(root, "labeled_tracks")
    unchanged = after[after.track_id.isin(before.track_id)].sort_values("track_id").reset_index(drop=True)
    assert unchanged.equals(before)
    counts = json.loads(table(root, "runs").sort_values("started_at").counts.iloc[-1])["label"]
    assert (counts["added"], counts["updated"], counts["removed"]) == (20, 0, 0)
    # equal features, equal cluster
    clusters = after.set_index("track_id").cluster
    assert all(clusters[name] == clusters[name.removeprefix("new")] for name in clusters.index)


@pytest.mark.parametrize(
    "options",
    [
        ["features.missing=median", "features.scaler=standard", "features.log=bpm,liveness"],
        ["features.scaler=robust", "features.weights={ bpm = 2.0 }", "features.columns=bpm,liveness,energy"],
    ],
)
def test_every_feature_space_trains_and_labels(options, spark, run_job, catalogue, tmp_path):
    with_null = F.when(F.col("title") != catalogue.orderBy("track_id").first().title, F.col("bpm"))
    tracks = catalogue.withColumn("bpm", with_null) if "median" in options[0] else catalogue
    root = stored(spark, tmp_path / "out", tracks)
    settings = [word for option in ["clustering.ks=3", "clustering.restarts=1", *options] for word in ("--set", option)]
    for entry in (train.JOB, label.JOB):
        assert run_job(entry, "--output", root, *settings) == 0
    labeled = table(root, "labeled_tracks")
    imputed = labeled[labeled.imputed.map(len) > 0]
    assert [list(names) for names in imputed.imputed] == [["bpm"]] * (1 if "median" in options[0] else 0)
    assert imputed.bpm.isna().all()
    assert sorted(labeled.cluster.unique()) == [1, 2, 3]


def refusal(run_job, capsys, entry, root, *options):
    """Run a job that exits with 3 and writes only to runs, and return its error line."""
    before = {path.name for path in root.glob("[!.]*")}
    assert run_job(entry, "--output", root, *options) == 3
    assert before | {"runs"} == {path.name for path in root.glob("[!.]*")}
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    return line


def test_unusable_tracks_are_refused_in_one_line(spark, run_job, catalogue, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "no table tracks" in refusal(run_job, capsys, train.JOB, tmp_path / "empty")
    root = stored(spark, tmp_path / "one", catalogue.limit(1))
    assert "1 distinct track " in refusal(run_job, capsys, train.JOB, root)
    assert "no complete model" in refusal(run_job, capsys, label.JOB, root)
    constant = catalogue.withColumns({name: F.lit(0.5) for name in schema.FEATURE_NAMES if name != "bpm"})
    root = stored(spark, tmp_path / "same", constant.withColumns({"bpm": F.lit(100.0), "loudness": F.lit(-5.0)}))
    assert "1 distinct track " in refusal(run_job, capsys, train.JOB, root)
    root = stored(spark, tmp_path / "gaps", catalogue.withColumn("energy", F.when(F.col("bpm") > 100, F.col("energy"))))
    columns = ["--set", "features.columns=bpm,energy"]
    assert "lack energy; fill the gaps with --set features.missing=median" in refusal(
        run_job, capsys, train.JOB, root, *columns
    )


def test_constant_features_warn_and_few_distinct_tracks_limit_k(spark, run_job, catalogue, tmp_path, caplog):
    coarse = catalogue.withColumns(
        {
            "bpm": F.round(F.col("bpm") / 60) * 60 + 1,
            **{n: F.lit(0.5) for n in ("liveness", "valence", "acousticness", "speechiness")},
            "loudness": F.lit(-7.0),
        }
    )
    root = stored(spark, tmp_path / "out", coarse)
    assert run_job(train.JOB, "--output", root, "--set", "clustering.restarts=1") == 0
    assert "all tracks have the same valence" in caplog.text
    assert "no k of at least 8 was fitted" in caplog.text
    assert run_job(label.JOB, "--output", root) == 0
    n_distinct = coarse.select("bpm").distinct().count()
    assert table(root, "k_scores").k.tolist() == list(range(2, n_distinct + 1))


def test_named_model_labels_and_unknown_one_is_refused(run_job, trained, capsys):
    assert (
        run_job(label.JOB, "--output", trained, "--set", f"label.model_version={model_card(trained)['model_version']}")
        == 0
    )
    assert run_job(label.JOB, "--output", trained, "--set", "label.model_version=nosuch") == 3
    assert "no complete model 'nosuch'" in capsys.readouterr().err


def test_tracks_without_a_feature_of_the_model_are_refused(spark, run_job, catalogue, trained, tmp_path, capsys):
    root = tmp_path / "out"
    shutil.copytree(trained, root)
    before = DeltaTable(str(root / "labeled_tracks")).version()
    changed = catalogue.orderBy("track_id").limit(3).select("track_id")
    with_nulls = F.when(F.col("changed").isNull(), F.col("bpm"))
    marked = catalogue.join(changed.withColumn("changed", F.lit(True)), "track_id", "left")
    stored(spark, root, marked.withColumn("bpm", with_nulls).select(*schema.TRACKS.names))
    assert "of the tracks 3 lack bpm, which model" in refusal(run_job, capsys, label.JOB, root)
    assert DeltaTable(str(root / "labeled_tracks")).version() == before
