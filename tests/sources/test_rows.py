"""Rows from every form of file, without writing a table."""

import gzip
import json

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F
from tests.catalogue import HEADER, PLAIN, ROWS, as_csv, track

from segue import resources, schema
from segue.sources.definition import load_sources
from segue.sources.listing import list_input
from segue.sources.rows import TextOptions, read_rows

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
