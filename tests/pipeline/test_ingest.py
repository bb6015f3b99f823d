"""Ingest: every input format, repeated and later files, and input that is refused."""

import gzip
import json
import shutil

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.helpers.small_files import HEADER, PLAIN, ROWS, as_csv, track

from segue import lookup
from segue.ingest.input_files import list_input
from segue.ingest.typed_reader import read_columns
from segue.pipeline import ingest


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run(run_job, out):
    def ingest_path(path, *options):
        settings = [word for option in options for word in ("--set", option)]
        return run_job(ingest.JOB, "--input", path, "--output", out, *settings)

    return ingest_path


def table(out, name):
    return DeltaTable(str(out / name)).to_pandas()


def counts(out):
    runs = table(out, "runs").sort_values("started_at")
    return json.loads(runs.counts.iloc[-1])["ingest"]


def values(out):
    tracks = table(out, "tracks").sort_values("track_id")
    return tracks[["track_id", "title", "artist", "bpm", "valence", "genre"]].to_numpy().tolist()


def test_dry_run_shows_every_decision_and_writes_nothing(run_job, out, tmp_path, capsys):
    rows = [track(n, artists=f"Beyoncé {n}", valence="" if n < 2 else f"0.{n}1") for n in range(8)]
    rows += [track(9, artists="B", tempo="fast")]
    (tmp_path / "mine.csv").write_bytes(("A list\n" + as_csv(rows)).encode("cp1252"))
    assert run_job(ingest.JOB, "--input", tmp_path / "mine.csv", "--output", out, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "mine.csv: csv, cp1252, lines above the header: 1; 9 rows sampled" in printed
    lines = {line.split()[0]: line for line in printed.splitlines() if line.startswith("  ")}
    assert lines["artist"].split()[:4] == ["artist", "artists", "0", "%"]
    assert "Beyoncé " in lines["artist"]
    assert "22 %" in lines["valence"]
    assert "9 rows: 6 tracks, 3 rejected, 0 duplicates. Nothing was written." in printed
    assert "  2 rejected: valence missing" in printed
    assert not out.exists()
    assert run_job(ingest.JOB, "--input", tmp_path / "none.csv", "--output", out, "--dry-run") == 3


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_parquet_and_delta_give_the_tracks_of_csv(kind, spark, run, out, tmp_path):
    rows = [(r[0], r[1], [r[2]], *map(float, r[3:9]), r[9]) for r in ROWS]
    floats = ", ".join(f"{name} double" for name in HEADER[3:9])
    frame = spark.createDataFrame(rows, f"id string, name string, artists array<string>, {floats}, genre string")
    frame.write.format(kind).save(str(tmp_path / "typed"))
    assert run(tmp_path / "typed") == 0
    assert values(out) == PLAIN
    recorded = json.loads(table(out, "runs").input[0])
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "typed").glob("*.parquet")}
    assert recorded == ({"tables": {"typed": 0}} if kind == "delta" else {"files": sizes})


def test_delta_table_is_read_at_its_listed_version(spark, tmp_path):
    path = str(tmp_path / "typed")
    spark.createDataFrame([("a",)], "name string").write.format("delta").save(path)
    listed = list_input(spark, path)
    spark.createDataFrame([("b",)], "name string").write.format("delta").mode("append").save(path)
    names, rows = read_columns(spark, listed)
    assert (names, [row.c0 for row in rows.collect()]) == (["name"], ["a"])
    assert [file.version for file in list_input(spark, path)] == [1]


def test_quoted_line_breaks_quotes_and_lists_are_parsed(run, out, tmp_path):
    rows = [
        *ROWS,
        track(6, name='Two\nlines, "quoted"', artists="['Simon', \"Garfunkel\"]"),
        track(7, name=" Ame\u0301 "),
    ]
    (tmp_path / "t.csv").write_text(as_csv(rows), "utf-8")
    assert run(tmp_path / "t.csv") == 0
    names = {row[0]: row[1:3] for row in values(out)}
    assert names["id6x"] == ['Two\nlines, "quoted"', "Simon; Garfunkel"]
    assert names["id7x"] == ["Amé", "A"]


def test_unclosed_quote_rejects_the_remainder_as_one_row(run, out, tmp_path):
    text = as_csv(ROWS) + 'id9x,"never closed,A,1\n' + as_csv(ROWS[:2])
    (tmp_path / "t.csv").write_text(text, "utf-8")
    assert run(tmp_path / "t.csv") == 0
    assert values(out) == PLAIN
    rejected = table(out, "rejected_tracks")
    assert rejected.raw.tolist() == [text[text.index("id9x") :].rstrip("\n")]


def test_folder_and_glob_read_files_of_every_format(run, out, tmp_path):
    inner = tmp_path / "in" / "2024"
    inner.mkdir(parents=True)
    (tmp_path / "in" / "a.csv").write_text(as_csv(ROWS[:2]), "utf-8")
    (inner / "b c.csv").write_text(as_csv(ROWS[2:4], ";"), "utf-8")
    (inner / "d.jsonl").write_text("\n".join(json.dumps(dict(zip(HEADER, r, strict=True))) for r in ROWS[4:]), "utf-8")
    (tmp_path / "in" / "notes.md").write_text("not a table", "utf-8")
    assert run(tmp_path / "in") == 0
    assert values(out) == PLAIN
    assert set(table(out, "tracks").source_file) == {"a.csv", "2024/b c.csv", "2024/d.jsonl"}
    assert run(f"{inner}/*.csv") == 0
    assert (counts(out)["read"], counts(out)["known_files"]) == (0, 1)


def test_same_file_again_writes_only_to_runs(run, out, tmp_path):
    (tmp_path / "t.csv").write_text(as_csv([*ROWS, ROWS[0], track(9, tempo="fast"), track(9, tempo="fast")]), "utf-8")
    assert run(tmp_path / "t.csv") == 0
    names = ("read", "added", "updated", "unchanged", "rejected", "duplicate", "removed", "known_files")
    read_again = [9, 0, 0, 6, 2, 1, 0, 0]
    for setting, expected in (
        ((), [0, 0, 0, 0, 0, 0, 0, 1]),
        (("ingest.force=true",), read_again),
        (("ingest.mode=snapshot",), read_again),
    ):
        assert run(tmp_path / "t.csv", *setting) == 0
        of_run = counts(out)
        assert [of_run[name] for name in names] == expected, setting
    tables = ("tracks", "rejected_tracks", "ingested_files", "runs")
    versions = {name: DeltaTable(str(out / name)).version() for name in tables}
    assert versions == {"tracks": 0, "rejected_tracks": 0, "ingested_files": 0, "runs": 3}


def test_second_file_changes_only_its_tracks_and_adds_genres(run, out, tmp_path):
    (tmp_path / "one.csv").write_text(as_csv(ROWS[:4]), "utf-8")
    second = [track(1, tempo="200"), track(3, genre="pop"), track(4), track(5, tempo="0")]
    (tmp_path / "two.csv").write_text(as_csv(second), "utf-8")
    assert run(tmp_path / "one.csv") == 0
    before = table(out, "tracks").set_index("track_id")
    assert run(tmp_path / "two.csv") == 0
    after = table(out, "tracks").set_index("track_id")
    assert set(after.index) - set(before.index) == {"id4x"}
    assert (after.bpm["id1x"], after.source_file["id1x"]) == (200.0, "two.csv")
    others, same = before.index.drop("id1x"), [column for column in before if column != "genres"]
    assert after.loc[others, same].equals(before.loc[others, same])
    assert list(after.genres["id3x"]) == ["pop", "rock"]
    of_run = counts(out)
    assert [of_run[n] for n in ("read", "added", "updated", "unchanged", "rejected", "duplicate")] == [4, 1, 2, 0, 1, 0]


@pytest.mark.guard("title-without-fallback")
def test_later_file_without_titles_keeps_stored_titles(run, out, tmp_path):
    (tmp_path / "one.csv").write_text(as_csv(ROWS[:3]), "utf-8")
    nameless = [[row[0], *row[3:]] for row in (HEADER, track(0), track(1, tempo="200"), track(9))]
    (tmp_path / "two.csv").write_text("\n".join(",".join(row) for row in nameless), "utf-8")
    for name in ("one.csv", "two.csv"):
        assert run(tmp_path / name) == 0
    assert [counts(out)[name] for name in ("added", "updated", "unchanged")] == [1, 1, 1]
    tracks = {row[0]: row[1:4] for row in values(out)}
    assert [tracks[f"id{n}x"] for n in (1, 9)] == [["Song 1", "A", 200.0], ["id9x", None, 99.0]]


def test_missing_features_are_rejected_or_stored_as_null(run, out, tmp_path):
    (tmp_path / "t.csv").write_text(as_csv([*ROWS, track(6, tempo="NA"), track(7, tempo="")]), "utf-8")
    assert run(tmp_path / "t.csv") == 0
    reasons = sorted(list(reasons) for reasons in table(out, "rejected_tracks").reasons)
    assert reasons == [["bpm missing"], ["bpm missing (NA)"]]
    assert run(tmp_path / "t.csv", "features.missing=median") == 0
    assert table(out, "tracks").bpm.isna().sum() == 2


def test_invalid_utf8_is_refused_rejected_or_decoded(run, out, tmp_path, capsys):
    lines = as_csv([track(n, name=f"Café {n}") for n in range(6)]).encode().splitlines(keepends=True)
    damaged = [*lines[:-1], lines[-1].replace("é".encode(), b"\xe9")]
    (tmp_path / "t.csv").write_bytes(b"".join(damaged))
    assert run(tmp_path / "t.csv") == 3
    assert "1 of 7 lines are not UTF-8" in capsys.readouterr().err
    assert run(tmp_path / "t.csv", "ingest.invalid_utf8=reject") == 0
    rejected = table(out, "rejected_tracks")
    assert [list(r) for r in rejected.reasons] == [["bytes that are not utf-8"]]
    assert "Caf\\xe9" in rejected.raw[0]
    (tmp_path / "t.csv").write_bytes(b"".join(lines).decode().encode("latin-1"))
    assert run(tmp_path / "t.csv", "ingest.encoding=utf-8") == 3
    assert "6 of 7 lines are not UTF-8" in capsys.readouterr().err
    assert run(tmp_path / "t.csv", "ingest.encoding=latin-1") == 0
    assert values(out)[0][1] == "Café 0"


BAD = {
    "empty.csv": (b"", "holds no readable file: found 0 non-empty files"),
    "blank.csv": (b"\n\n  \n", "no column is recognised"),
    "header_only.csv": (as_csv([]).encode(), "a header and no rows"),
    "binary.csv": (bytes(range(256)) * 40, "NUL bytes"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(128, 256)), "not UTF-8"),
    "damaged.csv": (as_csv([track(n, name="Ü") for n in range(2)]).encode().replace(b"\xc3", b"", 1), "not UTF-8"),
    "strange.csv": (b"a,b,c\n1,2,3\n", "no column is recognised"),
    "no_title.csv": (as_csv(ROWS).replace("id,name", "nr,foo").encode(), "none for track_id"),
    "all_bad.csv": (as_csv([track(n, tempo="NaN") for n in range(4)]).encode(), "none of 4 rows is a usable track"),
    "infinite.csv": (as_csv([track(n, tempo="inf") for n in range(4)]).encode(), "bpm 'inf' is not a number"),
    "torn.csv.gz": (gzip.compress(as_csv(ROWS * 500).encode())[:-40], "cannot read torn.csv.gz"),
    "not_packed.csv.gz": (as_csv(ROWS).encode(), "cannot read not_packed.csv.gz"),
    "packed.csv.lz4": (b"\x04\x22\x4d\x18" * 9, "packed.csv.lz4: .lz4 files cannot be read, expected .gz"),
    "false.parquet": (as_csv(ROWS).encode(), "cannot read false.parquet"),
    "prose.jsonl": (b"dear reader\n[1, 2]\n", "found no line with a JSON object"),
}


@pytest.fixture(scope="module")
def refused_output(tmp_path_factory):
    """An output for which every input is refused."""
    return tmp_path_factory.mktemp("refused") / "out"


@pytest.mark.parametrize("name", BAD)
def test_unusable_input_exits_with_3_and_one_line(name, run_job, refused_output, tmp_path, capsys):
    content, message = BAD[name]
    (tmp_path / name).write_bytes(content)
    assert run_job(ingest.JOB, "--input", tmp_path / name, "--output", refused_output) == 3
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert [entry.name for entry in refused_output.iterdir() if not entry.name.startswith(".")] == ["runs"]
    runs = table(refused_output, "runs").sort_values("started_at")
    assert set(runs.status) == {"failed"}
    assert message in runs.error.iloc[-1]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing/here.csv", "error: cannot read --input {path}: Path does not exist: file:{path}"),
        ("nothing/*.csv", "error: cannot read --input {path}: Path does not exist: file:{path}"),
        ("", "error: --input {path} holds no readable file: found 0 non-empty files"),
    ],
)
def test_path_without_files_is_refused(path, message, run, out, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    full_path = f"{tmp_path}/folder/{path}"
    assert run(full_path) == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert line.startswith(message.format(path=full_path))
    assert "SQLSTATE" not in line
    assert not (out / "tracks").exists()


@pytest.mark.guard("delta-table-parts-refused")
@pytest.mark.parametrize("path", ["in", "in/t*", "in/table/*"])
def test_files_within_a_delta_table_are_refused(path, run, out, tmp_path, capsys):
    rows = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    write_deltalake(str(tmp_path / "in" / "table"), pa.Table.from_pylist(rows), partition_by=["genre"])
    assert run(tmp_path / path) == 3
    assert "is a Delta table, or a folder inside one" in capsys.readouterr().err
    assert not (out / "tracks").exists()


@pytest.mark.guard("output-not-read-as-input")
def test_output_within_the_input_is_not_read(run, tmp_path):
    path = tmp_path / "signature_songs.csv"
    path.write_text(as_csv(ROWS), "utf-8")
    for n_read in (6, 0):
        assert run(tmp_path) == 0
        assert (counts(tmp_path / "out")["read"], len(values(tmp_path / "out"))) == (n_read, 6)
    # "signature" in a name is not a secret: the name is recorded unchanged
    assert lookup.runs(str(tmp_path / "out"))[0]["input"] == {"files": {path.name: path.stat().st_size}}


@pytest.mark.guard("recreated-delta-table-read-again")
def test_recreated_delta_table_of_equal_version_is_read_again(run, out, tmp_path):
    source = tmp_path / "source"
    for tempo in (90, 95):
        shutil.rmtree(source, ignore_errors=True)
        rows = [dict(zip(HEADER, row, strict=True)) for row in (track(1, tempo=str(tempo)), track(2))]
        write_deltalake(str(source), pa.Table.from_pylist(rows))
        assert DeltaTable(str(source)).version() == 0
        assert run(source) == 0
    assert table(out, "tracks").set_index("track_id").bpm["id1x"] == 95.0
