"""What a later delivery changes."""

from chispa import assert_df_equality

from segue import schema, upsert


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
    found = upsert.with_change(tracks(spark, *delivered), tracks(spark, *stored) if stored else None)
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
    found = upsert.with_change(delivered, stored).select("track_id", "bpm", "title", "artist", "change")
    assert sorted(tuple(row) for row in found.collect()) == wanted_rows
    first = upsert.with_change(delivered, None).select("title", "artist")
    assert sorted(tuple(row) for row in first.collect()) == [("D", "X"), ("a", ""), ("b", ""), ("c", "")]
