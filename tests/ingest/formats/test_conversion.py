"""Read converted files and Parquet files of every type beside ordinary ones."""

import gzip
import io
import json
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.helpers.small_files import HEADER, ROWS, as_csv, track

from segue.core import packaged
from segue.errors import InputError
from segue.ingest.columns.sources import load_sources
from segue.ingest.formats import conversion
from segue.ingest.input_files import list_input
from segue.ingest.reader import read_rows
from segue.ingest.text_files import TextOptions

NEEDED = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")


@pytest.fixture(scope="module")
def read(spark):
    """Return a function that reads an input into its validated rows."""
    sources = load_sources(packaged.conf() / "sources")

    def read(path, **options):
        files = list_input(spark, str(path))
        return read_rows(spark, files, sources, NEEDED, TextOptions(**options), missing_rejects=True).frame.collect()

    return read


def api_item(number: int) -> dict[str, object]:
    """Return a track as the Spotify API has it; every third has no audio features."""
    features = dict(zip(HEADER[3:9], map(float, track(number)[3:9]), strict=True))
    return {
        "track": {
            "id": f"id{number}x",
            "name": f"Song {number}",
            "artists": [{"name": "A", "id": "a"}, {"name": "B", "id": "b"}],
            "album": {"id": "album", "name": "Album", "release_date": "1999-05-01", "popularity": 3},
        },
        "audio_features": features if number % 3 else None,
    }


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (HEADER, *ROWS):
        book.active.append([float(cell) if cell[-1].isdigit() and cell[0] in "-0123456789" else cell for cell in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def zipped(name: str, content: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def test_every_container_of_a_folder_has_all_rows(read, tmp_path):
    objects = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    columns = {name: {str(n): row[index] for n, row in enumerate(ROWS)} for index, name in enumerate(HEADER)}
    spanning = as_csv([track(n, name=f"Song {n}\nlive") for n in range(6)])
    contents = {
        "plain.csv": as_csv(ROWS).encode(),
        "plain.jsonl": "\n".join(map(json.dumps, objects)).encode(),
        "utf16.csv": as_csv(ROWS).encode("utf-16"),
        "one.zip": zipped("data/songs.csv", as_csv(ROWS)),
        "spanning.zip": zipped("songs.csv", spanning),
        "sheet.xlsx": workbook(),
        "array.json": json.dumps(objects).encode(),
        "page.json": json.dumps({"items": objects, "total": 6}, indent=1).encode(),
        "columns.json": json.dumps(columns).encode(),
        "api.json": "\n".join(json.dumps(api_item(n)) for n in range(6)).encode(),
        "cut.json": json.dumps({"items": [*objects, objects[0]]}).encode()[:-40],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    rows = read(tmp_path)
    by_file = {name: [row for row in rows if row.source_file == name] for name in contents}
    assert {name: len(of_file) for name, of_file in by_file.items()} == dict.fromkeys(contents, 6) | {"cut.json": 7}
    for name, of_file in by_file.items():
        valid = {row.track_id: (row.title.split("\n")[0], row.bpm, row.valence) for row in of_file if not row.reasons}
        numbers = [n for n in range(6) if n % 3 or name != "api.json"]
        assert valid == {f"id{n}x": (f"Song {n}", 90.0 + n, 0.5) for n in numbers}, name
    rejected = {row.source_file: row.reasons for row in rows if row.reasons}
    assert rejected.keys() == {"api.json", "cut.json"}
    assert rejected["cut.json"] == ["not a JSON object"]
    assert rejected["api.json"][0] == "bpm missing"
    details = {(row.artist, row.album, row.year, row.popularity) for row in by_file["api.json"]}
    assert details == {("A; B", "Album", 1999, None)}


@pytest.mark.guard("features-of-other-files-joined")
def test_audio_features_of_another_file_are_joined_by_id(read, tmp_path):
    items = [api_item(n) for n in range(6)]
    features = [item["audio_features"] | {"id": item["track"]["id"]} for item in items if item["audio_features"]]
    alone = features[0] | {"id": "alone"}
    playlist = [{"added_at": "2020", "track": item["track"]} for item in items]
    (tmp_path / "tracks1.json").write_text(json.dumps({"items": playlist[:3]}), "utf-8")
    (tmp_path / "tracks2.json").write_bytes(json.dumps({"items": playlist[3:]}).encode("utf-16"))
    (tmp_path / "features.json").write_bytes(json.dumps({"audio_features": [*features, None, alone]}).encode("utf-16"))
    rows = read(tmp_path)
    by_id = {row.track_id: row for row in rows if row.track_id}
    assert len(rows) == 8
    assert {i: (row.title, row.bpm) for i, row in by_id.items() if not row.reasons and i != "alone"} == {
        f"id{n}x": (f"Song {n}", 90.0 + n) for n in (1, 2, 4, 5)
    }
    assert by_id["id4x"].source_file == "tracks2.json"
    assert (by_id["alone"].source_file, by_id["alone"].bpm) == ("features.json", 91.0)
    assert by_id["id1x"].source_file == "tracks1.json"
    # tracks without features, and the null among the features
    assert sorted(row.reasons[0] for row in rows if row.reasons) == ["bpm missing", "bpm missing", "not a JSON object"]


def test_audio_features_are_joined_to_lines_that_end_in_a_carriage_return(read, tmp_path):
    *items, other = (api_item(n) for n in (1, 2, 4, 5))
    features = [item["audio_features"] | {"id": item["track"]["id"]} for item in (*items, other)]
    lines = "".join(json.dumps(item["track"]) + "\r\n" for item in items)
    (tmp_path / "tracks1.json").write_text(
        json.dumps({"items": [{"added_at": "2020", "track": other["track"]}]}), "utf-8"
    )
    (tmp_path / "tracks2.jsonl").write_bytes(lines.encode("utf-16"))
    (tmp_path / "features.json").write_text(json.dumps({"audio_features": features}), "utf-8")
    rows = read(tmp_path)
    assert {row.track_id: row.bpm for row in rows if not row.reasons} == {f"id{n}x": 90.0 + n for n in (1, 2, 4, 5)}


def test_mark_of_utf16_overrules_the_given_encoding(read, tmp_path):
    rows = [track(n, name="Beyoncé") for n in range(4)]
    (tmp_path / "wide.csv").write_bytes(as_csv(rows).encode("utf-16"))
    (tmp_path / "narrow.csv").write_bytes(as_csv(rows).encode("cp1252"))
    assert {row.title for row in read(tmp_path, encoding="cp1252")} == {"Beyoncé"}


def test_refusals_name_the_file_and_what_to_do(read, tmp_path):
    wide = {f"m{n}": n for n in range(2001)}
    refused = {
        "cut.zip": (zipped("a.csv", as_csv(ROWS))[:-9], "cut.zip is damaged or breaks off"),
        "old.xls": (b"\xd0\xcf\x11\xe0", "old.xls is an old or password-protected Excel workbook"),
        "data.sqlite": (b"SQLite format 3\0", "data.sqlite is an SQLite database"),
        "songs.csv": (
            b"PAR1\x15\x04\0\0",
            "songs.csv is a Parquet file, expected CSV, JSON, Parquet or .xlsx; rename it",
        ),
        "values.json": (b"[[1, 2], [3, 4]]", "found no line with a JSON object"),
        "wide.jsonl": (json.dumps(wide).encode() * 2, "more than 2000 different member names"),
        "bad.json": (b'[{"id": 1},\n{"id": x}, {"id": 2}]', "bad.json is no valid JSON in line 2, column 8"),
    }
    for name, (content, message) in refused.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(content)
        with pytest.raises(InputError) as error:
            read(tmp_path / name)
        assert message in str(error.value)


@pytest.mark.guard("long-documents-refused")
def test_json_document_on_one_long_line_is_refused_before_spark_reads_it(read, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion.text_scan, "text_lines", None)
    row = json.dumps(dict(zip(HEADER, ROWS[0], strict=True))) + ", "
    document = f"[{row * ((64 << 20) // len(row) + 1)}{row[:-2]}]".encode()
    for name, content in {"a.json": document, "b.csv": document, "c.json.gz": gzip.compress(document, 1)}.items():
        (tmp_path / name).write_bytes(content)
        monkeypatch.setattr(conversion, "_MIN_COMPRESSED", 1 << 10)
        with pytest.raises(InputError) as error:
            read(tmp_path / name)
        assert str(error.value).startswith(f"{name} is a JSON document on one line of more than 64 MB")
        (tmp_path / name).unlink()


def test_parquet_types_that_spark_refuses_are_read(read, tmp_path):
    days = [date(1999 + n, 1, 1) for n in range(6)]
    stamps = [datetime(day.year, 1, 1, tzinfo=UTC) for day in days]
    columns = dict(zip(HEADER, zip(*ROWS, strict=True), strict=True))
    numbers = {name: [float(text) for text in columns[name]] for name in HEADER[3:9]}
    plain = {name: pa.array(values) for name, values in (columns | numbers).items()}
    nanos = pa.array(stamps, pa.timestamp("ns", "UTC"))
    lengths = [time(0, 3, n) for n in range(6)]
    contents = {
        "nanoseconds": plain | {"release_date": nanos, "added": pa.array(days).cast(pa.timestamp("ns"))},
        "dates": plain | {"release_date": pa.array(days)},
        "half": plain
        | {"tempo": pa.array(np.array(numbers["tempo"], np.float16)), "odd": pa.array(np.full(6, -1.5, np.float16))}
        | {"release_date": pa.array(stamps, pa.timestamp("us", "UTC"))},
        "times": plain
        | {"duration": pa.array(lengths, pa.time64("ns")), "b": pa.array(lengths, pa.time32("ms")), "year": nanos},
        "numbers": plain
        | {"tempo": pa.array([Decimal(n) + 90 for n in range(6)], pa.decimal128(9, 2)), "year": nanos}
        | {"popularity": pa.array(range(6), pa.uint8()), "big": pa.array(range(6), pa.uint64())}
        | {"artists": pa.array([["A"]] * 6), "genre": plain["genre"].dictionary_encode(), "none": pa.nulls(6)}
        | {"list": pa.array([[0]] * 6, pa.list_(pa.timestamp("ns"))), "span": pa.array([1] * 6, pa.duration("ns"))},
    }
    for name, table in contents.items():
        pq.write_table(pa.table(table), tmp_path / f"{name}.parquet")
    items = [api_item(n) | {"added_at": stamp} for n, stamp in enumerate(stamps)]
    schema = pa.Table.from_pylist(items).schema.set(2, pa.field("added_at", pa.timestamp("ns")))
    pq.write_table(pa.Table.from_pylist(items, schema=schema), tmp_path / "nested.parquet")
    rows = read(tmp_path)
    assert len(rows) == 36
    rejected = sorted((row.source_file, row.track_id) for row in rows if row.reasons)
    assert rejected == [("nested.parquet", "id0x"), ("nested.parquet", "id3x")]
    valid = {(row.source_file, row.title, row.bpm) for row in rows if not row.reasons}
    assert valid == {(f"{name}.parquet", f"Song {n}", 90.0 + n) for name in contents for n in range(6)} | {
        ("nested.parquet", f"Song {n}", 90.0 + n) for n in range(6) if n % 3
    }
    years = {row.source_file: row.year for row in rows if row.track_id == "id4x"}
    assert years == {f"{name}.parquet": 2003 for name in contents} | {"nested.parquet": 1999}
    details = {(row.artist, row.album) for row in rows if row.source_file == "nested.parquet"}
    assert details == {("A; B", "Album")}
    assert {row.duration_s for row in rows if row.source_file == "times.parquet"} == {180.0 + n for n in range(6)}
    assert {row.popularity for row in rows if row.source_file == "numbers.parquet"} == {float(n) for n in range(6)}
