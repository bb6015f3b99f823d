"""Read files of every format into validated rows."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F
from tests.helpers.small_files import HEADER, PLAIN, ROWS, as_csv, track

from segue import schema
from segue.core import packaged
from segue.errors import InputError
from segue.ingest import typed_reader
from segue.ingest.columns.sources import load_sources
from segue.ingest.formats import text_scan
from segue.ingest.formats.text_scan import SAMPLE_LINES
from segue.ingest.input_files import list_input
from segue.ingest.reader import read_rows
from segue.ingest.text_files import TextOptions

NEEDED = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")
COMPARED = ["track_id", "title", "artist", "bpm", "valence", "genre", "source_file"]


def validated(spark, path, **options):
    """Return the validated rows of an input."""
    sources = load_sources(packaged.conf() / "sources")
    files = list_input(spark, str(path))
    return read_rows(spark, files, sources, NEEDED, TextOptions(**options), missing_rejects=True).frame


def read(spark, path, **options):
    """Return the compared columns in order of track id; a rejected row has its reasons as its title."""
    rows = validated(spark, path, **options)
    assert set(schema.TRACKS.names) <= set(rows.columns)
    reasons = F.when(F.size("reasons") > 0, F.col("reasons").cast("string"))
    return rows.orderBy("track_id").withColumn("title", F.coalesce(reasons, "title")).select(*COMPARED)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("semicolon.csv", as_csv(ROWS, ";").encode()),
        ("tab.tsv", as_csv(ROWS, "\t").encode()),
        ("bom_crlf.csv", b"\xef\xbb\xbf" + as_csv(ROWS, end="\r\n").encode()),
        ("mac.csv", as_csv(ROWS, end="\r").encode()),
        ("packed.csv.gz", gzip.compress(as_csv(ROWS).encode())),
        ("sep.csv", b"sep=;\n" + as_csv(ROWS, ";").encode()),
        ("group_names.csv", (",".join(["track"] * len(HEADER)) + "\n" + as_csv(ROWS)).encode()),
        ("blank_lines.csv", ("\n\n" + as_csv(ROWS).replace("\n", "\n\n")).encode()),
        ("quoted.csv", ("\n".join(",".join(f'"{c}"' for c in row) for row in [HEADER, *ROWS])).encode()),
        ("wrapped.csv", ("\n".join(f'"{line}";;' for line in as_csv(ROWS).splitlines())).encode()),
        ("decimal_comma.csv", as_csv([[c.replace(".", ",") for c in row] for row in ROWS], ";").encode()),
        ("percent.csv", as_csv([track(n, valence="50") for n in range(6)]).replace("0.", "").encode()),
        ("lines.jsonl", "\n".join(json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS).encode()),
        ("we[ird] *?.csv", as_csv(ROWS).encode()),
    ],
)
def test_every_text_format_has_the_same_rows(name, content, spark, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    ddl = "track_id string, title string, artist string, bpm double, valence double, genre string, source_file string"
    expected = spark.createDataFrame([(*row, name) for row in PLAIN], ddl)
    assert_df_equality(read(spark, path), expected, ignore_nullable=True)


TITLES = {
    "cp1252": ["Café", "Don’t stop", "Señorita"],  # noqa: RUF001
    "cp1251": ["Катюша", "Миллион алых роз", "Кино"],
    "cp932": ["上を向いて歩こう", "夜に駆ける", "桜"],
    "utf-8": ["Café", "Катюша", "夜に駆ける"],
}


def test_encoding_and_header_are_detected_per_file_of_a_folder(spark, tmp_path, caplog):
    folder, above, expected = tmp_path / "in", "# exported\n\nMy, list\n", []
    folder.mkdir()
    for encoding, titles in TITLES.items():
        rows = [track(n, name=title) for n, title in enumerate(titles * 4)]
        lines = as_csv(rows).encode(encoding)
        (folder / f"{encoding}.csv").write_bytes(lines)
        (folder / f"{encoding}_above.csv").write_bytes(above.encode() + lines)
        names = [f"{encoding}.csv", f"{encoding}_above.csv"]
        expected += [(name, row[0], row[1], []) for name in names for row in rows]
    # 0x8d is no character of cp1252: its line is valid UTF-8
    (folder / "mixed.csv").write_bytes(
        as_csv([track(n, name="Café") for n in range(9)]).encode("cp1252") + b"\xc3\x8d\n"
    )
    expected += [("mixed.csv", f"id{n}x", "Café", []) for n in range(9)]
    with caplog.at_level("INFO", "segue"):
        rows = validated(spark, folder, invalid_utf8="reject").collect()
    read_rows = [(row.source_file, row.track_id, row.title, row.reasons) for row in rows if not row.reasons]
    assert sorted(read_rows) == sorted(expected)
    assert [(row.raw, row.reasons) for row in rows if row.reasons] == [("Ã\\x8d", ["bytes that are not cp1252"])]
    logged = [record.message for record in caplog.records if "ignored" not in record.message]
    assert len([line for line in logged if "not UTF-8" in line]) == 3
    assert any(line.startswith("cp1252.csv, cp1252_above.csv, mixed.csv: not UTF-8, read as cp1252") for line in logged)
    (skipped,) = [line for line in logged if "skipped" in line]
    assert skipped.endswith("and 1 more: the header is line 4; lines skipped above it: 2")


def test_reading_in_blocks_equals_reading_in_one_task(spark, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(as_csv([track(n, name=f'"{n}", quoted') for n in range(6)]), "utf-8")
    assert_df_equality(read(spark, path, multiline=True), read(spark, path, multiline=False))


@pytest.mark.guard("open-quote-rejected")
def test_open_quote_rejects_one_line_when_read_in_blocks(spark, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(as_csv(ROWS).replace("Song 2", '"Song 2'), "utf-8")
    rows = validated(spark, path, multiline=False).collect()
    reasons = ["a quote is left open at the end of the line"]
    assert {row.raw.split(",")[0]: row.reasons for row in rows} == {
        f"id{n}x": reasons if n == 2 else [] for n in range(6)
    }


def test_units_are_decided_per_file_of_a_folder(spark, tmp_path):
    (tmp_path / "in").mkdir()
    percent = [[*row[:5], "10", "50", "25", "5", row[9]] for row in ROWS[:4]]
    (tmp_path / "in" / "percent.csv").write_text(as_csv(percent), "utf-8")
    (tmp_path / "in" / "fraction.csv").write_text(as_csv(ROWS[4:]), "utf-8")
    assert [row.valence for row in read(spark, tmp_path / "in").select("valence").distinct().collect()] == [0.5]


def as_parquet(path, rows, **types):
    """Write rows as Parquet with numeric columns, cast to some types, and return the table."""
    columns = dict(zip(HEADER, zip(*rows, strict=True), strict=True))
    numbers = {name: [float(text) for text in columns[name]] for name in HEADER[3:9]}
    table = pa.table({name: pa.array(texts) for name, texts in (columns | numbers).items()})
    for name, data_type in types.items():
        table = table.set_column(HEADER.index(name), name, table[name].cast(data_type))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return table


@pytest.mark.guard("parquet-grouped-by-schema")
def test_parquet_files_differ_in_names_types_and_units(spark, tmp_path):
    folder = tmp_path / "in"
    as_parquet(folder / "integers.parquet", [track(n, tempo=str(90 + n)) for n in range(2)], tempo=pa.int64())
    as_parquet(folder / "doubles.parquet", [track(2)], tempo=pa.float64())
    as_parquet(folder / "percent.parquet", [[*row[:5], "10", "50", "25", "5", row[9]] for row in (track(3), track(4))])
    table = as_parquet(folder / "renamed.parquet", [track(5)])
    pq.write_table(
        table.rename_columns({"name": "Track Name", "tempo": "BPM"}).select(range(9, -1, -1)),
        folder / "renamed.parquet",
    )
    assert [list(row)[:-1] for row in read(spark, folder).collect()] == PLAIN


@pytest.mark.guard("one-unit-per-write")
def test_units_are_decided_per_write(spark, tmp_path):
    # on its own, the second part would be read as fractions
    rows = [[*row[:5], "10", valence, "25", "5", row[9]] for row, valence in zip(ROWS, "999991", strict=True)]
    write = "part-0000{}-0123abcd-0000-4000-8000-0123456789ab-c000.snappy.parquet"
    for number, part in enumerate((rows[:5], rows[5:])):
        as_parquet(tmp_path / "in" / write.format(number), [[*row[:7], "0.5", "0.5", row[9]] for row in part])
    assert [row.valence for row in read(spark, tmp_path / "in").collect()] == [*[0.09] * 5, 0.01]


def test_partition_folders_define_a_column(spark, tmp_path):
    genres = [("rock", ROWS[:2]), ("R%26B%3D", ROWS[2:4]), ("__HIVE_DEFAULT_PARTITION__", ROWS[4:5])]
    folders = [(f"track_genre={genre}", rows) for genre, rows in genres]
    for folder, rows in [*folders, ("", ROWS[5:])]:
        path = tmp_path / "in" / folder / "part-0.parquet"
        pq.write_table(as_parquet(path, rows).drop_columns(["genre"]), path)
    assert [row.genre for row in read(spark, tmp_path / "in").collect()] == ["rock", "rock", "R&B=", "R&B=", None, None]


def test_sample_of_equal_rows_has_the_sample_size(spark, tmp_path):
    as_parquet(tmp_path / "equal.parquet", [[*row[:5], "10", "50", "25", "5", row[9]] for row in [track(0)] * 2000])
    files = list_input(spark, str(tmp_path))
    _, rows = typed_reader.read_columns(spark, files)
    (sample,) = typed_reader.collect_samples(rows, [files])
    assert len(sample) == SAMPLE_LINES
    assert {row[HEADER.index("valence")] for row in sample} == {"50.0"}


def test_sample_holds_every_distinct_line_however_often_another_is_repeated(spark, tmp_path):
    lines = [f"{number},{number / 100}" for number in range(20)]
    (tmp_path / "a.csv").write_text("\n".join([*["7,0.5"] * 300, *lines]) + "\n")
    (file,) = list_input(spark, str(tmp_path / "a.csv"))
    (scan,) = text_scan.scan_files(text_scan.text_lines(spark, [file]), "utf-8", json=False).values()
    assert {line for _, line in scan.sample} == {line.encode() for line in [*lines, "7,0.5"]}


def with_column(name, values, header=HEADER):
    """Return forty tracks as CSV with other values in a column, and another header."""
    rows = [track(n) for n in range(40)]
    index = header.index(name)
    filled = [[*row[:index], value, *row[index + 1 :]] for row, value in zip(rows, values, strict=True)]
    return as_csv(filled).replace(",".join(HEADER), ",".join(header))


def test_decisions_by_value_reach_the_rows(spark, tmp_path, caplog):
    folder = tmp_path / "in"
    folder.mkdir()
    renamed = [{"name": "canción", "artists": "artista", "tempo": "Tempo", "genre": "género"}.get(n, n) for n in HEADER]
    files = {
        "flag.csv": with_column("tempo", [str(n % 2) for n in range(40)], [*HEADER, "tempo"]),
        "languages.csv": with_column("Tempo", [str(90 + n) for n in range(40)], renamed),
        "tenths.csv": with_column("valence", [str(n % 9) for n in range(40)]),
    }
    tempos = iter(range(90, 130))
    lines = files["flag.csv"].splitlines()
    files["flag.csv"] = "\n".join([lines[0], *(f"{line},{next(tempos)}" for line in lines[1:])])
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    with caplog.at_level("INFO"):
        rows = read(spark, folder).collect()
    assert len(rows) == 120
    for row in rows:
        number = int(row.track_id[2:-1])
        valence = number % 9 / 10 if row.source_file == "tenths.csv" else 0.5
        assert list(row)[1:-1] == [f"Song {number}", "A", 90.0 + number, valence, "rock"]
    assert "column 11 ('tempo') read as bpm, and not column 4 ('tempo'): its values fit better" in caplog.messages
    assert "valence read as 0 to 10, inferred from the values" in caplog.messages


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "loudness",
            [f"0.{n + 10}" for n in range(40)],
            "one.csv: column 'loudness' holds 0.1 to 0.49, which looks normalised to 0 to 1, expected dB, from -60 to 6"
            "; or exclude it with --set features.columns=bpm,liveness,valence,acousticness,speechiness",
        ),
        (
            "valence",
            [f"{0.5 + n / 20:.2f}" for n in range(40)],
            "one.csv: column 'valence' holds 0.5 to 2.45, too much for 0 to 1 and too little for 0 to 10 or 0 to 100; "
            "declare its unit in a source of your own (docs/how_to/own_file.md), such as 'valence' = "
            '{ column = "valence", unit = "thirds" } for 0 to 3; '
            "or exclude it with --set features.columns=bpm,loudness,liveness,acousticness,speechiness",
        ),
    ],
)
def test_needed_column_that_fits_no_unit_is_refused(name, values, message, spark, tmp_path):
    (tmp_path / "one.csv").write_text(with_column(name, values), "utf-8")
    with pytest.raises(InputError) as raised:
        validated(spark, tmp_path / "one.csv")
    assert str(raised.value) == message
