"""Rows from every form of file, without writing a table."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F
from tests.helpers.small_files import HEADER, PLAIN, ROWS, as_csv, track

from segue import schema
from segue.core import resources
from segue.ingest import typed_reader
from segue.ingest.input_files import list_input
from segue.ingest.reader import TextOptions, read_rows
from segue.ingest.source_definitions import load_sources
from segue.ingest.text_scan import SAMPLE_LINES

NEEDED = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")
SHOWN = ["track_id", "title", "artist", "bpm", "valence", "genre", "source_file"]


def read(spark, path, **options):
    sources = load_sources(resources.conf() / "sources")
    rows = read_rows(spark, list_input(spark, str(path)), sources, NEEDED, TextOptions(**options), missing_rejects=True)
    assert set(schema.TRACKS.names) <= set(rows.frame.columns)
    # rejected rows would show: they are no part of what is wanted
    reasons = F.when(F.size("reasons") > 0, F.col("reasons").cast("string"))
    return rows.frame.orderBy("track_id").withColumn("title", F.coalesce(reasons, "title")).select(*SHOWN)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("semicolon.csv", as_csv(ROWS, ";").encode()),
        ("tab.tsv", as_csv(ROWS, "\t").encode()),
        ("bom_crlf.csv", b"\xef\xbb\xbf" + as_csv(ROWS, end="\r\n").encode()),
        ("mac.csv", as_csv(ROWS, end="\r").encode()),
        ("packed.csv.gz", gzip.compress(as_csv(ROWS).encode())),
        ("sep.csv", b"sep=;\n" + as_csv(ROWS, ";").encode()),
        ("blank_lines.csv", ("\n\n" + as_csv(ROWS).replace("\n", "\n\n")).encode()),
        ("quoted.csv", ("\n".join(",".join(f'"{c}"' for c in row) for row in [HEADER, *ROWS])).encode()),
        ("wrapped.csv", ("\n".join(f'"{line}";;' for line in as_csv(ROWS).splitlines())).encode()),
        ("decimal_comma.csv", as_csv([[c.replace(".", ",") for c in row] for row in ROWS], ";").encode()),
        ("percent.csv", as_csv([track(n, valence="50") for n in range(6)]).replace("0.", "").encode()),
        ("lines.jsonl", "\n".join(json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS).encode()),
        ("we[ird] *?.csv", as_csv(ROWS).encode()),
    ],
)
def test_every_form_of_text_gives_the_same_tracks(name, content, spark, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    ddl = "track_id string, title string, artist string, bpm double, valence double, genre string, source_file string"
    wanted = spark.createDataFrame([(*row, name) for row in PLAIN], ddl)
    assert_df_equality(read(spark, path), wanted, ignore_nullable=True)


def test_one_read_in_blocks_equals_one_in_order(spark, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(as_csv([track(n, name=f'"{n}", quoted') for n in range(6)]), "utf-8")
    assert_df_equality(read(spark, path, multiline=True), read(spark, path, multiline=False))


@pytest.mark.guard("open-quote-rejected")
def test_a_quote_left_open_rejects_its_line_alone_where_records_are_cut_at_lines(spark, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(as_csv(ROWS).replace("Song 2", '"Song 2'), "utf-8")
    sources = load_sources(resources.conf() / "sources")
    rows = read_rows(
        spark, list_input(spark, str(path)), sources, NEEDED, TextOptions(multiline=False), missing_rejects=True
    )
    found = {row.raw.split(",")[0]: list(row.reasons) for row in rows.frame.collect()}
    fault = ["a quote is left open at the end of the line"]
    assert found == {f"id{n}x": fault if n == 2 else [] for n in range(6)}


def test_files_of_one_folder_have_units_of_their_own(spark, tmp_path):
    (tmp_path / "in").mkdir()
    percent = [[*row[:5], "10", "50", "25", "5", row[9]] for row in ROWS[:4]]
    (tmp_path / "in" / "percent.csv").write_text(as_csv(percent), "utf-8")
    (tmp_path / "in" / "fraction.csv").write_text(as_csv(ROWS[4:]), "utf-8")
    assert [row.valence for row in read(spark, tmp_path / "in").select("valence").distinct().collect()] == [0.5]


def as_parquet(path, rows, **kinds):
    """Write rows as another program would: a column a feature, and numbers as numbers."""
    columns = dict(zip(HEADER, zip(*rows, strict=True), strict=True))
    numbers = {name: [float(text) for text in columns[name]] for name in HEADER[3:9]}
    table = pa.table({name: pa.array(texts) for name, texts in (columns | numbers).items()})
    for name, kind in kinds.items():
        table = table.set_column(HEADER.index(name), name, table[name].cast(kind))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return table


@pytest.mark.guard("parquet-grouped-by-schema")
def test_parquet_files_of_one_folder_have_names_types_and_units_of_their_own(spark, tmp_path):
    folder = tmp_path / "in"
    as_parquet(folder / "whole.parquet", [track(n, tempo=str(90 + n)) for n in range(2)], tempo=pa.int64())
    as_parquet(folder / "broken.parquet", [track(2)], tempo=pa.float64())
    as_parquet(folder / "percent.parquet", [[*row[:5], "10", "50", "25", "5", row[9]] for row in (track(3), track(4))])
    table = as_parquet(folder / "renamed.parquet", [track(5)])
    pq.write_table(
        table.rename_columns({"name": "Track Name", "tempo": "BPM"}).select(range(9, -1, -1)),
        folder / "renamed.parquet",
    )
    found = read(spark, folder)
    assert [list(row)[:-1] for row in found.collect()] == PLAIN


@pytest.mark.guard("one-unit-per-write")
def test_what_was_written_together_has_one_unit(spark, tmp_path):
    # by itself the second part would be taken for fractions
    rows = [[*row[:5], "10", valence, "25", "5", row[9]] for row, valence in zip(ROWS, "999991", strict=True)]
    write = "part-0000{}-0123abcd-0000-4000-8000-0123456789ab-c000.snappy.parquet"
    for number, some in enumerate((rows[:5], rows[5:])):
        as_parquet(tmp_path / "in" / write.format(number), [[*row[:6], row[6], "0.5", "0.5", row[9]] for row in some])
    found = read(spark, tmp_path / "in").collect()
    assert [row.valence for row in found] == [*[0.09] * 5, 0.01]


def test_folders_that_are_called_name_and_value_give_a_column(spark, tmp_path):
    genres = [("rock", ROWS[:2]), ("R%26B%3D", ROWS[2:4]), ("__HIVE_DEFAULT_PARTITION__", ROWS[4:5])]
    folders = [(f"track_genre={genre}", some) for genre, some in genres]
    for folder, some in [*folders, ("", ROWS[5:])]:
        path = tmp_path / "in" / folder / "part-0.parquet"
        pq.write_table(as_parquet(path, some).drop_columns(["genre"]), path)
    found = [row.genre for row in read(spark, tmp_path / "in").collect()]
    assert found == ["rock", "rock", "R&B=", "R&B=", None, None]


def test_a_sample_of_equal_rows_is_neither_empty_nor_all_of_them(spark, tmp_path):
    as_parquet(tmp_path / "equal.parquet", [[*row[:5], "10", "50", "25", "5", row[9]] for row in [track(0)] * 2000])
    _, rows = typed_reader.typed_rows(spark, files := list_input(spark, str(tmp_path)))
    (sample,) = typed_reader.fit_samples(rows, [files])
    assert len(sample) == SAMPLE_LINES
    assert {row[HEADER.index("valence")] for row in sample} == {"50.0"}
