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
