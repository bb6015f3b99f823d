"""Find the tracks of JSON documents: the rows are those that json.loads finds, whatever the document's form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.errors import InputError
from segue.ingest.formats.json_documents import document_rows, is_document

KNOWN = frozenset(["id", "name", "tempo", "artists", "energy"])
TRACKS = [{"id": f"t{n}", "name": f"Song {n}", "tempo": 100.5 + n, "artists": [{"name": "A"}]} for n in range(3)]
BARE = [{"id": track["id"], "name": track["name"]} for track in TRACKS]
FEATURES = [{"id": track["id"], "tempo": track["tempo"]} for track in TRACKS]
COLUMNS = {name: {str(n): track[name] for n, track in enumerate(TRACKS)} for name in TRACKS[0]}


def rows(text: str) -> list[object]:
    """Return the values of a document's rows, each of which must be one line."""
    texts = list(document_rows(text, KNOWN))
    assert not any("\n" in row or "\r" in row for row in texts)
    return [json.loads(row) for row in texts]


@pytest.mark.parametrize(
    "document",
    [
        TRACKS,
        {"items": TRACKS, "total": 3, "next": None},
        {"href": "x", "tracks": {"items": TRACKS, "limit": 50}},
        {"songs": TRACKS},
        [{"items": TRACKS[:1]}, {"items": TRACKS[1:]}],
        {"playlists": [{"name": "p", "tracks": TRACKS[:2]}, {"name": "q", "tracks": TRACKS[2:]}]},
        {"schema": {"fields": [{"name": "id", "type": "string"}]}, "data": TRACKS},
        {"columns": list(TRACKS[0]), "index": [0, 1, 2], "data": [list(track.values()) for track in TRACKS]},
        COLUMNS,
        {str(n): track for n, track in enumerate(TRACKS)},
        {name: list(column.values()) for name, column in COLUMNS.items()},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_every_form_has_the_same_tracks(document, indent):
    text = json.dumps(document, indent=indent)
    assert is_document(text.encode().split(b"\n")[:20], KNOWN, is_all=indent is None)
    assert rows(text) == TRACKS


def test_pretty_printed_objects_one_after_the_other():
    text = "\r\n".join(json.dumps(track, indent=2) for track in TRACKS)
    assert is_document(text.encode().split(b"\n")[:20], KNOWN, is_all=False)
    assert rows(text) == TRACKS
    assert rows("\ufeff" + text.replace("}\r\n{", "},\r\n{")) == TRACKS


def test_index_of_texts_becomes_the_id():
    without = [{name: value for name, value in track.items() if name != "id"} for track in TRACKS]
    index = {track["id"]: rest for track, rest in zip(TRACKS, without, strict=True)}
    columns = {name: {track["id"]: track[name] for track in TRACKS} for name in without[0]}
    assert rows(json.dumps(index)) == rows(json.dumps(columns)) == TRACKS


@pytest.mark.parametrize(
    "lines",
    [
        ['{"id": "a", "name": "b"}', '{"id": "c", "name": "d"}'],
        ['{"track": {"id": "a", "name": "b"}, "audio_features": {"tempo": 1, "energy": 2}}'],
        ['{"id": "a", "nam', '{"id": "c", "name": "d"}'],
        ['{"id": "a", "name": "b", "tempo": 1, "data": [{"k": 1}]}', '{"id": "c", "name": "d", "tempo": 2}'],
        ['{"id": "a", "artists": [{"name": "b"}], "album": {"name": "c"}}'],
        ["id,name", "1,2"],
        ["", " "],
    ],
    ids=["objects", "API item", "damaged first line", "track with a list", "one object", "CSV", "blank"],
)
def test_one_object_per_line_is_no_document(lines):
    assert not is_document([line.encode() for line in lines], KNOWN, is_all=True)


@pytest.mark.parametrize(("names", "is_page"), [(("songs", "results"), True), (("results", "songs"), False)])
def test_first_list_of_a_line_decides_whether_it_is_a_page(names, is_page):
    # the list "songs" has tracks; in a set of names, the list that is considered would depend on the hash seed
    lists = {"songs": [{"name": "Hello", "artists": "Adele"}], "results": [{"code": 1}]}
    line = json.dumps({"name": "Top 100"} | {name: lists[name] for name in names})
    assert is_document([line.encode()] * 2, KNOWN, is_all=True) is is_page


def test_audio_features_are_joined_by_id():
    wrapped = [{"added_at": "2020", "track": track} for track in BARE]
    for items in (BARE, wrapped):
        document = {"items": items, "audio_features": [FEATURES[2], None, FEATURES[0], {"id": "other", "tempo": 1}]}
        joined = [items[0] | {"audio_features": FEATURES[0]}, items[1], items[2] | {"audio_features": FEATURES[2]}]
        assert rows(json.dumps(document)) == [*joined, None, {"id": "other", "tempo": 1}]
    assert rows(json.dumps([{"items": BARE}, {"audio_features": FEATURES}])) == [
        track | {"audio_features": features} for track, features in zip(BARE, FEATURES, strict=True)
    ]
    assert rows(json.dumps({"audio_features": FEATURES})) == FEATURES


def test_numbers_and_escapes_stay_as_they_are_written():
    text = '[{"tempo": 120.500, "popularity": 1e2,\n "name": "\\u00e9\\ud800 \udce9", "id": 10000000000000000000000}]'
    assert list(document_rows(text, KNOWN)) == [text[1:-1].replace("\n", " ")]


def test_document_that_breaks_off_before_the_first_row_is_one_row():
    assert list(document_rows('{"items": [', KNOWN)) == ['{"items": [']


@given(st.integers(1, 200))
def test_document_that_breaks_off_loses_no_row(n_characters):
    text = json.dumps({"items": TRACKS}, indent=1)
    cut = text[: -n_characters or None]
    texts = list(document_rows(cut, KNOWN))
    starts = [text.index(f'"t{n}"') for n in range(3)]
    assert len(texts) >= sum(start < len(cut) for start in starts)
    complete = [row for row in texts if row.endswith("}") and row.count("{") == row.count("}")]
    assert [json.loads(row) for row in complete] == TRACKS[: len(complete)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"id": "a"},\n {"id": b}, {"id": "c"}]', "in line 2, column 9: Expecting value"),
        ('[{"id": "a"} {"id": "c"}, {"id": "d"}]', "in line 1, column 14: a comma or ] is expected"),
        ('{"items": [{"id": 1}], "total" 1, "limit": 50}', "a name in quotes and a colon are expected"),
        ("[" * 100_000, "nested too deeply"),
        ('{"items":' * 100_000, "nested too deeply"),
    ],
)
def test_invalid_json_is_refused_with_its_position(text, message):
    with pytest.raises(InputError, match="is no valid JSON") as refused:
        list(document_rows(text, KNOWN))
    assert message in str(refused.value)


def test_track_with_a_list_is_no_page():
    tracks = [track | {"data": [{"k": 1}, {"k": 2}]} for track in TRACKS]
    assert rows(json.dumps(tracks)) == tracks


def test_values_that_are_no_objects_are_rows():
    assert rows('[{"id": 1}, null, [2], "x"]') == [{"id": 1}, None, [2], "x"]
    assert rows("[]") == rows('{"items": []}') == []
