"""Resolve duplicates, and merge delivered tracks with stored ones."""

import pytest
from chispa import assert_df_equality

from segue import schema
from segue.ingest import input_files, merge
from segue.ingest.input_files import InputFile
from segue.ingest.reader import InputRows
from segue.ingest.validation import VALIDATED_ROWS


def row(track_id, *, popularity=None, row_hash="h", source_file="f", genre=None, reasons=(), raw="r"):
    """Return a validated row by column name."""
    values = dict.fromkeys(VALIDATED_ROWS.fieldNames())
    genres = [genre] if genre else []
    return values | {
        "source_file": source_file,
        "raw": raw,
        "row_hash": row_hash,
        "reasons": list(reasons),
        "track_id": track_id,
        "title": f"{track_id} {row_hash}",
        "artist": "",
        "genre": genre,
        "genres": genres,
        "popularity": popularity,
    }


def frame(spark, *rows):
    """Return a DataFrame of validated rows."""
    return spark.createDataFrame([tuple(r[name] for name in VALIDATED_ROWS.fieldNames()) for r in rows], VALIDATED_ROWS)


def test_most_popular_row_becomes_the_track_with_all_genres(spark):
    rows = frame(
        spark,
        row("a", popularity=1.0, row_hash="h1", genre="rock"),
        row("a", popularity=9.0, row_hash="h3", genre="pop"),
        row("a", popularity=9.0, row_hash="h2", genre="jazz"),
        row("a", row_hash="h0", genre="rock"),
        row("b", row_hash="h5"),
    )
    tracks = merge.keep_tracks(merge.with_status(rows)).select("track_id", "title", "genre", "genres")
    expected = spark.createDataFrame(
        [("a", "a h2", "jazz", ["jazz", "pop", "rock"]), ("b", "b h5", None, [])],
        "track_id string, title string, genre string, genres array<string>",
    )
    assert_df_equality(tracks, expected, ignore_row_order=True, ignore_nullable=True)


def test_row_with_title_and_artist_is_preferred(spark):
    named, unnamed = row("a", popularity=1.0, row_hash="h2"), row("a", popularity=9.0, row_hash="h1")
    rows = frame(spark, unnamed | {"title": None, "artist": None}, named, unnamed | {"title": None})
    (track,) = merge.keep_tracks(merge.with_status(rows)).collect()
    assert (track.title, track.popularity) == ("a h2", 1.0)


def test_order_of_rows_and_files_does_not_matter(spark):
    rows = [row("a", popularity=5.0, row_hash=f"h{i}", source_file=f"f{i % 2}") for i in range(6)]
    for order in (rows, rows[::-1], rows[3:] + rows[:3]):
        tracks = merge.keep_tracks(merge.with_status(frame(spark, *order).repartition(3)))
        expected = spark.createDataFrame([("a h0", "f0")], "title string, source_file string")
        assert_df_equality(tracks.select("title", "source_file"), expected, ignore_nullable=True)


def test_other_rows_are_rejected_with_reasons_and_occurrences(spark):
    rows = frame(
        spark,
        row("a", row_hash="h1", raw="first"),
        row("a", row_hash="h1", raw="first"),
        row("a", row_hash="h1", raw="first"),
        row("b", row_hash="h2", reasons=["bpm missing", "title missing"], raw="bad"),
        row(None, row_hash="h2", reasons=["not CSV"], raw="bad", source_file="g"),
    )
    rejected = merge.keep_rejected(merge.with_status(rows))
    expected = spark.createDataFrame(
        [
            ("f", "h1", 1, "duplicate", "first", ["duplicate of a"]),
            ("f", "h1", 2, "duplicate", "first", ["duplicate of a"]),
            ("f", "h2", 1, "invalid", "bad", ["bpm missing", "title missing"]),
            ("g", "h2", 1, "invalid", "bad", ["not CSV"]),
        ],
        schema.REJECTED_TRACKS.ddl,
    )
    assert_df_equality(rejected, expected, ignore_row_order=True, ignore_nullable=True)


def test_invalid_row_contributes_no_genre_and_no_duplicate(spark):
    rows = frame(
        spark,
        row("a", popularity=1.0, row_hash="h1", genre="rock"),
        row("a", popularity=99.0, row_hash="h0", genre="noise", reasons=["bpm missing"]),
    )
    tracks = merge.keep_tracks(merge.with_status(rows)).select("title", "genres")
    expected = spark.createDataFrame([("a h1", ["rock"])], "title string, genres array<string>")
    assert_df_equality(tracks, expected, ignore_nullable=True)


@pytest.mark.parametrize("max_repeated", [1, 0])
def test_rows_of_a_large_input_have_the_same_status(max_repeated, spark, monkeypatch):
    monkeypatch.setattr(input_files, "LARGE_INPUT_BYTES", 0)
    monkeypatch.setattr(merge, "_MAX_REPEATED_IDS", max_repeated)
    rows = frame(
        spark,
        row("a", row_hash="h1", genre="rock"),
        row("a", row_hash="h2", genre="pop"),
        row("b", row_hash="h3", genre="jazz"),
        row("b", row_hash="h4", reasons=["bpm missing"]),
        row(None, row_hash="h5", reasons=["not CSV"]),
        row(None, row_hash="h5", reasons=["not CSV"]),
    )
    files = (InputFile("file:///f", 1, "f", 1, "csv"),)
    with merge.persisted_with_status(InputRows(rows, (), files)) as (statuses, _):
        collected = statuses.select("row_hash", "status", "raw", "genres").sort("row_hash").collect()
    assert [tuple(each) for each in collected] == [
        ("h1", "track", None, ["pop", "rock"]),
        ("h2", "duplicate", "r", ["pop", "rock"]),
        ("h3", "track", None, ["jazz"]),
        ("h4", "invalid", "r", []),
        ("h5", "invalid", "r", []),
        ("h5", "invalid", "r", []),
    ]


CHANGES = "track_id string, bpm double, genre string, genres array<string>, source_file string, change string"


def tracks_frame(spark, *rows):
    """Return tracks, given some columns of each by name."""
    defaults = dict.fromkeys(schema.TRACKS.names) | {"title": "t", "artist": "a", "genres": []}
    return spark.createDataFrame([tuple((defaults | row).values()) for row in rows], schema.TRACKS.ddl)


def track(track_id, bpm, genre, genres, source_file):
    return {"track_id": track_id, "bpm": bpm, "genre": genre, "genres": genres, "source_file": source_file}


def named(track_id, bpm, title, artist):
    return {"track_id": track_id, "bpm": bpm, "title": title, "artist": artist}


def test_every_track_is_added_where_nothing_is_stored(spark):
    merged = merge.merge_with_stored(tracks_frame(spark, track("a", 1.0, "rock", ["rock"], "f")), None)
    expected = spark.createDataFrame([("a", 1.0, "rock", ["rock"], "f", "added")], CHANGES)
    assert_df_equality(merged.select(*expected.columns), expected, ignore_nullable=True)


def test_track_with_equal_content_only_adds_its_genres(spark):
    delivered = tracks_frame(
        spark,
        track("a", 1.0, "pop", ["pop"], "g"),
        track("b", None, "pop", ["pop"], "g"),
        track("c", 3.0, None, [], "g"),
        track("d", 4.0, None, [], "g"),
        track("e", None, None, [], "g"),
    )
    stored = tracks_frame(
        spark,
        track("e", 5.0, None, [], "f"),
        track("a", 1.0, "rock", ["rock"], "f"),
        track("b", None, "pop", ["pop", "rock"], "f"),
        track("c", 2.0, "rock", ["rock"], "f"),
        track("z", 9.0, None, [], "f"),
    )
    expected = spark.createDataFrame(
        [
            ("a", 1.0, "rock", ["pop", "rock"], "f", "updated"),
            ("b", None, "pop", ["pop", "rock"], "f", "unchanged"),
            ("c", 3.0, None, ["rock"], "g", "updated"),
            ("d", 4.0, None, [], "g", "added"),
            ("e", 5.0, None, [], "f", "unchanged"),  # a missing value leaves the stored one
        ],
        CHANGES,
    )
    merged = merge.merge_with_stored(delivered, stored).select(*expected.columns)
    assert_df_equality(merged, expected, ignore_row_order=True, ignore_nullable=True)


def test_missing_title_and_artist_leave_the_stored_ones(spark):
    delivered = tracks_frame(
        spark, named("a", 1.0, None, None), named("b", 9.0, None, None), named("c", 3.0, None, None),
        named("d", 4.0, "D", "X"), named("e", 5.0, "E", None),
    )  # fmt: skip
    # 0.2.0 stored an empty text for a missing artist
    stored = tracks_frame(
        spark, named("a", 1.0, "A", "X"), named("b", 2.0, "B", "X"), named("d", 4.0, "d", ""), named("e", 5.0, "E", "")
    )
    expected = spark.createDataFrame(
        [
            ("a", 1.0, "A", "X", "unchanged"),
            ("b", 9.0, "B", "X", "updated"),
            ("c", 3.0, "c", None, "added"),
            ("d", 4.0, "D", "X", "updated"),
            ("e", 5.0, "E", "", "unchanged"),
        ],
        "track_id string, bpm double, title string, artist string, change string",
    )
    merged = merge.merge_with_stored(delivered, stored).select(*expected.columns)
    assert_df_equality(merged, expected, ignore_row_order=True, ignore_nullable=True)


def test_ids_replace_missing_titles(spark):
    delivered = tracks_frame(spark, named("a", 1.0, None, None), named("d", 4.0, "D", "X"))
    expected = spark.createDataFrame([("a", None), ("D", "X")], "title string, artist string")
    first = merge.merge_with_stored(delivered, None).select("title", "artist")
    assert_df_equality(first, expected, ignore_row_order=True, ignore_nullable=True)
