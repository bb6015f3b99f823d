"""Parse texts into values."""

import doctest
import signal
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.ingest import parsing
from segue.ingest.columns import column_values, header_candidates, misfits, sources


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0), ("-14", -14.0), ("+5", 5.0), (".5", 0.5), ("5.", 5.0), ("0.0322", 0.0322), ("  7\u00a0", 7.0),
        ("1.01e-06", 1.01e-06), ("1E+05", 100000.0), ("1,412", 1412.0), ("-14,000", -14000.0), ("1,234,567", 1234567.0),
        ("1,412.5", 1412.5), ("120 BPM", 120.0), ("-5.3 dB", -5.3), ("-5.3dB", -5.3), ("71%", 71.0), ("71 %", 71.0),
        ("[135.99]", 135.99), ("[ -5.3 ]", -5.3), ("[1e2]", 100.0),
    ],
)  # fmt: skip
def test_number_is_parsed(text, value):
    assert parsing.parse_number(text) == value


@pytest.mark.parametrize(
    "text",
    ["f", "NaN", "nan", "inf", "-Infinity", "1e999", "-1e999", "0x1F", "1_000", "1.0f", "1d", "5e", "e5", ".", "-",
     "--5", "- 5", "1 412", "0,53", "1,41", "12,34", "0,412", "1,412,5", ",412", "1,,412", "1412,", "1.412.000",
     "12:30", "50 %%", "5 bpm dB", "\u0661\u0662", "\uff11\uff12", "\u00bd", "\u00b2", "\u22125", "1j", "True", "",
     "[]", "[", "]", "[1,412]", "[0,53]", "[1, 2]", "[[1]]", "[1 2]", "(1)"],
)  # fmt: skip
def test_other_text_is_no_number(text):
    assert parsing.parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("0,53", 0.53), ("-5,883", -5.883), ("1,412", 1.412), ("1,01e-06", 1.01e-06), ("-5,3 dB", -5.3), ("71", 71.0),
     ("0.5", 0.5), ("1,2,3", None), (",5,", None), ("1,412.5", 1412.5)],
)  # fmt: skip
def test_number_with_a_decimal_comma(text, value):
    assert parsing.parse_number(text, decimal_comma=True) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_as_python_writes_them(value):
    assert parsing.parse_number(repr(value)) == value
    assert parsing.parse_number(repr(value).replace(".", ","), decimal_comma=True) == value


@given(st.integers(-(10**12), 10**12))
def test_numbers_with_thousands_commas(value):
    assert parsing.parse_number(f"{value:,}") == value


@pytest.mark.parametrize(
    ("texts", "comma"),
    [(["0,53"], True), (["1,412"], False), (["0,53", "0.53"], False), (["0,53", "1,5", "0.53"], True), (["7"], False),
     ([], False), (["0,412"], True), (["1,412.5"], False), (["-5,3 dB"], True)],
)  # fmt: skip
def test_decimal_comma_is_distinguished_from_thousands(texts, comma):
    assert parsing.has_decimal_comma(texts) == comma


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3:21", 201.0), ("03:21", 201.0), ("0:07", 7.0), ("61:00", 3660.0), ("1:00:00", 3600.0), ("00:03:21", 201.0),
     (" 3:21.5 ", 201.5), ("201", None), ("3:60", None), ("3:5", None), ("-3:21", None), ("3:21:", None), (":21", None),
     ("1:2:3:04", None), ("3m21", None), ("\u0663:\u0662\u0661", None)],
)  # fmt: skip
def test_duration_is_parsed(text, seconds):
    assert parsing.parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "year"),
    [("1975", 1975), ("1975.0", 1975), ("1975.", 1975), ("2019-06-14", 2019), ("2019-06", 2019), ("14/06/2019", 2019),
     ("14.06.2019", 2019), ("2019/6/4", 2019), ("2019-06-14T00:00:00Z", 2019), ("2019-06-14 00:00:00", 2019),
     ("0", 0), ("0000", 0), ("0.0", 0), ("0000-00-00", 0), ("-1", 0), ("-1.0", 0), ("-99", 0), ("-9999", 0)],
)  # fmt: skip
def test_year_is_parsed(text, year):
    assert parsing.parse_year(text) == year


@pytest.mark.parametrize(
    "text",
    ["soon", "19", "'99", "20190614", "1/2/03", "c. 1975", "2,004", "June 2019", "", "201", "19750",
     # values of the neighbouring columns, as in a row with a field too many
     "0.0322", "-5.8830", "87.9170", "1975.5", "2019.1234", "-1975", "AC-1975", "2019-soon"],
)  # fmt: skip
def test_other_text_is_no_year(text):
    assert parsing.parse_year(text) is None


@pytest.mark.parametrize(
    "text",
    ["6f807", "spotify:track:6f807", "https://open.spotify.com/track/6f807", "http://open.spotify.com/track/6f807?si=1",
     "https://open.spotify.com/intl-de/track/6f807", "https://open.spotify.com/track/6f807#x"],
)  # fmt: skip
def test_track_id_is_extracted_from_uris_and_urls(text):
    assert parsing.parse_track_id(text) == "6f807"


@pytest.mark.parametrize("text", ["spotify:album:6f807", "spotify:track:", "https://example.com/track/6f807"])
def test_other_uris_are_returned_unchanged(text):
    assert parsing.parse_track_id(text) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, []),
        ("[]", []),
        ("Simon & Garfunkel", ["Simon & Garfunkel"]),
        ("Tyler, The Creator", ["Tyler, The Creator"]),
        ("['Simon', \"O'Connor\"]", ["Simon", "O'Connor"]),
        ('["Simon", "Garfunkel"]', ["Simon", "Garfunkel"]),
        ('["\\u00e9", "caf\\u0065\\u0301"]', ["é", "café"]),
        ("[' Simon ', '', 'NA']", ["Simon"]),
        ('[{"name": "A", "id": "1"}, {"name": "B"}]', ["A", "B"]),
        ("[{'name': 'A'}]", ["A"]),
        *((text, [text]) for text in ("[dunkelbunt]", "[", "]", "['a'", "[1, 2]", "[['a']]")),
        ("['a', None]", ["a"]), ("[null]", []), ("[{}]", []), ('[{"name": null}, "b"]', ["b"]),
        ("{'b', 'a', \"c'd\"}", ["b", "a", "c'd"]), ("('a', 'b')", ["a", "b"]), ("frozenset({'a'})", ["a"]),
        ("set(['a', 'b'])", ["a", "b"]), *((text, []) for text in ("set()", "()", "{}")),
        ('c("a", "b")', ["a", "b"]), ("['a b' 'c' \"d's\"]", ["a b", "c", "d's"]), ("['a'\n 'b']", ["a", "b"]),
        *((text, [text]) for text in ("{'a': 'b'}", '{"name": "A"}', "{a, b}", "(What's the Story)", "Song (Live)")),
        *((text, [text]) for text in ("[x for x in y]", "[open('x')]", "[{[]: 1}]", "[\x00]", "[1]+[2]")),
    ],
)  # fmt: skip
def test_list_members_are_parsed(text, names):
    assert parsing.parse_list(text) == names


@pytest.mark.parametrize(
    "text",
    ["[" * 5000 + "]" * 5000, "[" * 150 + "'a'" + "]" * 150, "[" + "-" * 9000 + "1]", "[" + "1" * 5000 + "]",
     "[" + '{"a":' * 3000 + "]", "[" + "(" * 9000 + ")" * 9000 + "]", "[" + "1" * 10**6 + "]"],
    ids=lambda text: text[:4],
)  # fmt: skip
def test_hostile_lists_are_returned_as_text(text):
    assert parsing.parse_list(text) == [text]


@pytest.mark.parametrize("text", ['["\\ud800"]', "['\\ud800']", '[{"name": "\\udc00x"}]'])
def test_lone_surrogates_in_a_list_become_encodable(text):
    for name in parsing.parse_list(text):
        name.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [(None, None), ("", None), (" \t\u00a0", None), ("NA", None), ("null", None), ("-", None), (" a  b\n", "a  b"),
     ("e\u0301", "\u00e9"), ("\ufb01", "\ufb01"), ("\uff21\uff22", "\uff21\uff22"), ("None", "None"),
     ("na", "na"), ("NaN", "NaN"), ("?", "?"), ("Unknown", "Unknown"), ("O\u2019Neill", "O\u2019Neill")],
)  # fmt: skip
def test_text_is_trimmed_and_composed(text, cleaned):
    assert parsing.clean_text(text) == cleaned


@given(st.text())
def test_every_parser_accepts_any_text(text):
    cleaned = parsing.clean_text(text)
    assert cleaned is None or unicodedata.is_normalized("NFC", cleaned)
    assert parsing.clean_text(cleaned) == cleaned
    for value in (parsing.parse_number(text), parsing.parse_duration(text)):
        assert value is None or isinstance(value, float)
    assert parsing.parse_year(text) is None or 0 <= parsing.parse_year(text) <= 9999
    assert isinstance(parsing.parse_track_id(text), str)
    assert parsing.parse_list(cleaned) or cleaned is None or cleaned[-1] in "])}"


@pytest.mark.parametrize(
    "text",
    [None, "", " ", "NA", "n/a", "#N/A", "NULL", "None", "-", "--", " ? ", "NaN", "nan", "NaT", "<NA>", "\\N",
     "Unknown", "empty_field", "[]", "set()"],
)  # fmt: skip
def test_placeholders_are_missing_values(text):
    assert parsing.is_missing(text)


@pytest.mark.parametrize("text", ["0", "-1", "f", "inf", "no", "nanana", "Unknown Pleasures"])
def test_other_texts_are_not_missing_values(text):
    assert not parsing.is_missing(text)


LONG = 1_000_000
HOSTILE = [
    "1" * LONG + "x", "0" * LONG + "x", "1" + " " * LONG + "x", " " * LONG + "x", "1," * LONG, "0,000" * LONG + "x",
    "%" * LONG, "1:" * LONG, "2019-01-01T" + " " * LONG + "\n", "https://open.spotify.com/" * (LONG // 25),
    "https://open.spotify.com/" + "a/" * LONG, "https://open.spotify.com/track/" + "a" * LONG + "?\n",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:30] for text in HOSTILE])
def test_parsers_take_linear_time(text):
    def time_out(*_):
        raise TimeoutError

    # in quadratic time, one of these takes hours
    previous = signal.signal(signal.SIGALRM, time_out)
    signal.alarm(60)
    try:
        for parse in (parsing.parse_number, parsing.parse_duration, parsing.parse_year, parsing.parse_track_id):
            parse(text)
        parsing.parse_number(text, decimal_comma=True)
        parsing.has_decimal_comma([text])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize(
    "module", [parsing, sources, header_candidates, column_values, misfits], ids=lambda module: module.__name__
)
def test_examples_in_docstrings(module):
    failed, attempted = doctest.testmod(module)
    assert (failed, attempted > 0) == (0, True)
