"""Duplicates: which row stays, and that every row is in one place."""

from chispa import assert_df_equality

from segue import schema
from segue.ingest import merge
from segue.ingest.text_reader import ROWS


def row(track_id, *, popularity=None, row_hash="h", source_file="f", genre=None, reasons=(), raw="r"):
    values = dict.fromkeys(ROWS.fieldNames())
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


def judged(spark, *rows):
    return spark.createDataFrame([tuple(r[name] for name in ROWS.fieldNames()) for r in rows], ROWS)


def test_the_most_popular_row_stays_then_the_smallest_hash_and_genres_are_merged(spark):
    rows = judged(
        spark,
        row("a", popularity=1.0, row_hash="h1", genre="rock"),
        row("a", popularity=9.0, row_hash="h3", genre="pop"),
        row("a", popularity=9.0, row_hash="h2", genre="jazz"),
        row("a", row_hash="h0", genre="rock"),
        row("b", row_hash="h5"),
    )
    kept = merge.keep_tracks(merge.with_status(rows)).select("track_id", "title", "genre", "genres")
    wanted = spark.createDataFrame(
        [("a", "a h2", "jazz", ["jazz", "pop", "rock"]), ("b", "b h5", None, [])],
        "track_id string, title string, genre string, genres array<string>",
    )
    assert_df_equality(kept, wanted, ignore_row_order=True, ignore_nullable=True)


def test_a_row_that_says_who_it_is_goes_before_one_of_a_file_without_names(spark):
    named, nameless = row("a", popularity=1.0, row_hash="h2"), row("a", popularity=9.0, row_hash="h1")
    rows = judged(spark, nameless | {"title": None, "artist": None}, named, nameless | {"title": None})
    (kept,) = merge.keep_tracks(merge.with_status(rows)).collect()
    assert (kept.title, kept.popularity) == ("a h2", 1.0)


def test_the_order_of_rows_and_files_does_not_matter(spark):
    rows = [row("a", popularity=5.0, row_hash=f"h{i}", source_file=f"f{i % 2}") for i in range(6)]
    for order in (rows, rows[::-1], rows[3:] + rows[:3]):
        kept = merge.keep_tracks(merge.with_status(judged(spark, *order).repartition(3)))
        wanted = spark.createDataFrame([("a h0", "f0")], "title string, source_file string")
        assert_df_equality(kept.select("title", "source_file"), wanted, ignore_nullable=True)


def test_every_other_row_is_rejected_once_with_its_reasons_and_equal_rows_are_counted(spark):
    rows = judged(
        spark,
        row("a", row_hash="h1", raw="first"),
        row("a", row_hash="h1", raw="first"),
        row("a", row_hash="h1", raw="first"),
        row("b", row_hash="h2", reasons=["bpm missing", "title missing"], raw="bad"),
        row(None, row_hash="h2", reasons=["not CSV"], raw="bad", source_file="g"),
    )
    rejected = merge.keep_rejected(merge.with_status(rows))
    wanted = spark.createDataFrame(
        [
            ("f", "h1", 1, "duplicate", "first", ["duplicate of a"]),
            ("f", "h1", 2, "duplicate", "first", ["duplicate of a"]),
            ("f", "h2", 1, "invalid", "bad", ["bpm missing", "title missing"]),
            ("g", "h2", 1, "invalid", "bad", ["not CSV"]),
        ],
        schema.REJECTED_TRACKS.ddl,
    )
    assert_df_equality(rejected, wanted, ignore_row_order=True, ignore_nullable=True)


def test_an_invalid_row_lends_no_genre_and_takes_no_place(spark):
    rows = judged(
        spark,
        row("a", popularity=1.0, row_hash="h1", genre="rock"),
        row("a", popularity=99.0, row_hash="h0", genre="noise", reasons=["bpm missing"]),
    )
    kept = merge.keep_tracks(merge.with_status(rows)).select("title", "genres")
    wanted = spark.createDataFrame([("a h1", ["rock"])], "title string, genres array<string>")
    assert_df_equality(kept, wanted, ignore_nullable=True)


def tracks(spark, *rows):
    """Rows as (track_id, bpm, genre, genres, source_file)."""
    full = [
        tuple(
            {
                "track_id": i,
                "title": "t",
                "artist": "a",
                "bpm": bpm,
                "genre": genre,
                "genres": genres,
                "source_file": file,
            }.get(name)
            for name in schema.TRACKS.names
        )
        for i, bpm, genre, genres, file in rows
    ]
    return spark.createDataFrame(full, schema.TRACKS.ddl)


def change(spark, delivered, stored):
    found = merge.with_change(tracks(spark, *delivered), tracks(spark, *stored) if stored else None)
    return found.select("track_id", "bpm", "genre", "genres", "source_file", "change")


def wanted(spark, *rows):
    ddl = "track_id string, bpm double, genre string, genres array<string>, source_file string, change string"
    return spark.createDataFrame(list(rows), ddl)


def test_into_nothing_all_is_added(spark):
    found = change(spark, [("a", 1.0, "rock", ["rock"], "f")], [])
    assert_df_equality(found, wanted(spark, ("a", 1.0, "rock", ["rock"], "f", "added")), ignore_nullable=True)


def test_a_row_that_says_the_same_adds_its_genre_and_nothing_else(spark):
    found = change(
        spark,
        [
            ("a", 1.0, "pop", ["pop"], "g"),
            ("b", None, "pop", ["pop"], "g"),
            ("c", 3.0, None, [], "g"),
            ("d", 4.0, None, [], "g"),
            ("e", None, None, [], "g"),
        ],
        [
            ("e", 5.0, None, [], "f"),
            ("a", 1.0, "rock", ["rock"], "f"),
            ("b", None, "pop", ["pop", "rock"], "f"),
            ("c", 2.0, "rock", ["rock"], "f"),
            ("z", 9.0, None, [], "f"),
        ],
    )
    expected = wanted(
        spark,
        ("a", 1.0, "rock", ["pop", "rock"], "f", "updated"),
        ("b", None, "pop", ["pop", "rock"], "f", "unchanged"),
        ("c", 3.0, None, ["rock"], "g", "updated"),
        ("d", 4.0, None, [], "g", "added"),
        ("e", 5.0, None, [], "f", "unchanged"),  # what the later file leaves open stays
    )
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


def test_what_a_track_is_called_stays_where_a_delivery_does_not_say(spark):
    def called(*rows):
        return tracks(spark, *((name, bpm, None, [], "f") for name, bpm, _, _ in rows)).drop("title", "artist").join(
            spark.createDataFrame([(n, t, a) for n, _, t, a in rows], "track_id string, title string, artist string"),
            "track_id",
        ).select(*schema.TRACKS.names)  # fmt: skip

    delivered = called(("a", 1.0, None, None), ("b", 9.0, None, None), ("c", 3.0, None, None), ("d", 4.0, "D", "X"))
    stored = called(("a", 1.0, "A", "X"), ("b", 2.0, "B", "X"), ("d", 4.0, "d", ""))
    wanted_rows = [
        ("a", 1.0, "A", "X", "unchanged"),
        ("b", 9.0, "B", "X", "updated"),
        ("c", 3.0, "c", "", "added"),
        ("d", 4.0, "D", "X", "updated"),
    ]
    found = merge.with_change(delivered, stored).select("track_id", "bpm", "title", "artist", "change")
    assert sorted(tuple(row) for row in found.collect()) == wanted_rows
    first = merge.with_change(delivered, None).select("title", "artist")
    assert sorted(tuple(row) for row in first.collect()) == [("D", "X"), ("a", ""), ("b", ""), ("c", "")]
