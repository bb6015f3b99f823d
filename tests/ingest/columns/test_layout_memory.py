"""What earlier files have decided holds for later ones with their header, unless values rule it out."""

import pytest

from segue.core import packaged
from segue.errors import InputError
from segue.ingest.columns.column_matching import match_columns
from segue.ingest.columns.column_rules import ColumnRules, Reading, ReadingChoices, refuse_guesses
from segue.ingest.columns.layout_memory import Guess, Remembered, combine_decisions, layout_key
from segue.ingest.columns.sources import Source, load_sources
from segue.ingest.formats.encoding_detection import CANDIDATES
from segue.ingest.formats.text_scan import FileScan
from segue.ingest.input_files import InputFile
from segue.ingest.text_files import _use_remembered_encoding

HEADER = ("id", "title", "artist", "genre", "tempo", "valence", "energy", "key")
SOURCES = load_sources(packaged.conf() / "sources")


def rows(valence, n=30, **others):
    """Return n rows with the given valence (a function of the row's number) and other columns."""
    defaults = {
        "id": lambda i: f"id{i}x",
        "title": lambda i: f"Song {i}",
        "artist": lambda i: f"Artist {i % 7}",
        "genre": lambda i: ("rock", "pop")[i % 2],
        "tempo": lambda i: str(90 + i),
        "valence": valence,
        "energy": valence,
        "key": lambda i: str(i % 12),
    }
    return [[(others.get(name) or defaults[name])(i) for name in HEADER] for i in range(n)]


def percent(i):
    return str(3 * i + 2)


def fraction(i):
    return f"0.{10 + 3 * i}"


RULES = ColumnRules(SOURCES, ("tempo", "valence"), ("tempo", "valence"))


def match(sample, memory=None, **options):
    return match_columns(HEADER, sample, options.pop("sources", SOURCES), sample, ("bpm", "valence"), memory, **options)


def remember(layout):
    return {name: Remembered(value, "day1.csv") for name, value in layout.decided.items()}


def test_first_file_decides_columns_and_units_and_says_so():
    decided = match(rows(percent)).decided
    assert decided["valence.unit"] == "percent"
    assert (decided["bpm.column"], decided["key.column"]) == ("tempo", "key")
    assert "decimal_sign" not in decided  # all numbers are whole
    assert "popularity.unit" not in decided


def test_remembered_unit_holds_for_a_later_file_whose_values_suggest_another():
    memory = remember(match(rows(percent)))
    few = rows(lambda i: ("0.4", "0.7", "0.9")[i], 3)
    assert match(few).columns["valence"].unit == "fraction"
    layout = match(few, memory)
    assert layout.columns["valence"].unit == "percent"
    assert not layout.refusals
    (warning,) = [text for text in layout.warnings if "day1.csv" in text]
    assert warning.startswith("energy (0.4 to 0.9), valence (0.4 to 0.9): in 0 to 100 in day1.csv")
    assert layout.decided["valence.unit"] == "percent"
    # what the first file left open is decided by the second
    assert layout.decided["decimal_sign"] == "point"


@pytest.mark.parametrize(("first", "later"), [(percent, fraction), (fraction, percent)])
def test_values_that_rule_out_the_remembered_unit_are_refused_with_what_decides(first, later):
    layout = match(rows(later), remember(match(rows(first))))
    assert "--set ingest.layouts=decide" in layout.refusals["valence"]
    assert "day1.csv" in layout.refusals["valence"]
    assert layout.columns["valence"].unit == match(rows(first)).columns["valence"].unit


def test_few_rows_of_which_all_columns_are_fractions_rule_out_percent():
    memory = remember(match(rows(percent)))
    assert not match(rows(fraction, 9), memory).refusals
    assert match(rows(fraction, 10), memory).refusals.keys() == {"energy", "valence"}
    # a column without values neither warns nor rules out
    empty = match(rows(lambda _: "", 10), memory)
    assert (empty.refusals, [text for text in empty.warnings if "day1.csv" in text]) == ({}, [])


def test_unit_that_values_leave_open_is_not_remembered():
    layout = match(rows(lambda i: str(i % 2)))
    assert "valence.unit" not in layout.decided
    assert match(rows(percent), remember(layout)).columns["valence"].unit == "percent"


def test_own_source_overrules_memory_and_is_not_remembered():
    memory = remember(match(rows(percent)))
    own = Source("mine", {"valence": ("valence", "fraction"), "energy": ("energy", "fraction")})
    layout = match(rows(fraction), memory, sources=[*SOURCES, own])
    assert layout.columns["valence"].unit == "fraction"
    assert not layout.refusals
    assert "valence.unit" not in layout.remembered
    assert "bpm.column" in layout.remembered
    assert "valence.unit" not in match(rows(fraction), sources=[*SOURCES, own]).decided


def test_column_that_was_ruled_out_stays_ignored():
    row_numbers = match(rows(percent, key=str))
    assert row_numbers.decided["key.ignored"] == "key"
    few = rows(percent, 5, key=str)
    assert "key" in match(few).columns
    layout = match(few, remember(row_numbers))
    assert "key" not in layout.columns
    # proper keys in many rows: still ignored, and a warning says so
    layout = match(rows(percent), remember(row_numbers))
    assert "key" not in layout.columns
    assert any("'key' is ignored, as in day1.csv" in warning for warning in layout.warnings)


def test_choice_between_two_columns_of_one_name_holds():
    header = ("title", "tempo", "tempo")
    first = match_columns(header, [[f"s{i}", str(i % 2), str(90 + i)] for i in range(30)], SOURCES)
    assert first.decided["bpm.column"] == "tempo#2"
    both = [[f"s{i}", str(100 + i), str(90 + i)] for i in range(30)]
    assert match_columns(header, both, SOURCES).columns["bpm"].index == 1
    later = match_columns(header, both, SOURCES, memory=remember(first))
    assert later.columns["bpm"].index == 2
    # the choice is not a guess of this file
    assert not any("'tempo'" in guess.sentence for guess in later.guesses)


def test_decimal_sign_holds_and_another_one_is_refused():
    comma = rows(percent, tempo=lambda i: f"{90 + i},5")
    memory = remember(match(comma))
    assert memory["decimal_sign"].value == "comma"
    ambiguous = rows(percent, tempo=lambda i: "120,125")
    assert not match(ambiguous).decimal_comma
    assert match(ambiguous, memory).decimal_comma
    changed = match(rows(percent, tempo=lambda i: f"{90 + i}.5"), memory)
    assert "decimal comma in day1.csv" in changed.refusals["decimal_sign"]
    assert match(rows(percent, tempo=lambda i: f"{90 + i}.5"), memory, decimal_comma=False).refusals == {}


def test_genre_separator_holds_and_the_setting_overrules_it():
    listed = rows(percent, genre=lambda i: ("rock, pop", "pop", "rock, jazz")[i % 3])
    key = RULES.key("csv", HEADER)
    first = RULES.match(HEADER, listed, listed, key)
    assert first.genre_separator == ","
    rules = ColumnRules(SOURCES, RULES.required_columns, (), memories={key: remember(first)})
    one = rows(percent, 1, genre=lambda _: "folk, blues")
    assert RULES.match(HEADER, one, one, key).genre_separator is None
    assert rules.match(HEADER, one, one, key).genre_separator == ","
    given = ColumnRules(SOURCES, (), (), ReadingChoices(genre_separator="none"), {key: remember(first)})
    assert given.match(HEADER, listed, listed, key).genre_separator is None


def test_texts_with_separators_that_are_no_lists_are_remembered_as_whole():
    whole = rows(percent, genre=lambda i: f"Name {i}, Co {i}")
    key = RULES.key("csv", HEADER)
    first = RULES.match(HEADER, whole, whole, key)
    assert first.decided["genre_separator"] == "none"
    listed = rows(percent, genre=lambda i: ("rock, pop", "pop", "rock, jazz")[i % 3])
    later = ColumnRules(SOURCES, (), (), memories={key: remember(first)}).match(HEADER, listed, listed, key)
    assert later.genre_separator is None
    assert any("genre" in warning and "day1.csv" in warning for warning in later.warnings)


def test_layouts_differ_by_format_source_and_names_only():
    key = layout_key("csv", "auto", HEADER)
    assert key == layout_key("csv", "auto", [name.upper() for name in reversed(HEADER)])
    others = [
        layout_key("json", "auto", HEADER),
        layout_key("csv", "mine", HEADER),
        layout_key("csv", "auto", HEADER[1:]),
    ]
    assert len({key, *others}) == 4
    # columns of one name differ by their order
    assert layout_key("csv", "auto", ["a", "b", "b"]) != layout_key("csv", "auto", ["b", "a", "b"])


def test_files_of_one_run_that_differ_decide_nothing():
    decisions = [{"valence.unit": "percent", "bpm.column": "tempo"}, {"valence.unit": "fraction"}]
    assert combine_decisions(decisions) == {"bpm.column": "tempo"}


def input_file(name):
    return InputFile(f"file:/in/{name}", 1, name, 100, "csv")


def test_strict_lists_every_guess_with_what_settles_it():
    sample = rows(percent, tempo=lambda i: f"{90 + i},5", genre=lambda i: ("rock, pop", "pop", "rock, jazz")[i % 3])
    layout = RULES.match(("id", "title", "artst", *HEADER[3:]), sample, sample)
    encoding = Guess("not UTF-8, read as cp1252", "--set ingest.encoding=cp1252")
    files = (input_file("one.csv"), input_file("two.csv"))
    with pytest.raises(InputError) as raised:
        refuse_guesses([Reading(files, layout, sample, "cp1252", 0, (encoding,))])
    message = str(raised.value)
    assert message.startswith("ingest.strict is true, and 5 things were guessed: (1) one.csv, two.csv: not UTF-8")
    for guess, way_out in [
        ("read as cp1252", "--set ingest.encoding=cp1252"),
        ("'artst' read as artist", "--set ingest.source=NAME"),
        ("a decimal comma", "--set ingest.decimal_sign=comma"),
        ("energy, valence read as 0 to 100", "a source of your own that declares the unit"),
        ("separated by ','", "--set ingest.genre_separator=','"),
    ]:
        (part,) = [part for part in message.split("; (") if guess in part]
        assert f"[settled by: {way_out}" in part


def test_own_source_and_settings_settle_everything():
    headers = {"id": "track_id", "title": "title", "artst": "artist", "genre": "genre", "tempo": "bpm", "key": "key"}
    fractions = {name: (name, "percent") for name in ("valence", "energy")}
    own = Source("mine", {name: (column, None) for name, column in headers.items()} | fractions)
    rules = ColumnRules([own], ("bpm", "valence"), (), ReadingChoices("mine", "comma", ","))
    sample = rows(percent, tempo=lambda i: f"{90 + i},5", genre=lambda i: ("rock, pop", "pop", "rock, jazz")[i % 3])
    layout = rules.match(("id", "title", "artst", *HEADER[3:]), sample, sample)
    refuse_guesses([Reading((input_file("one.csv"),), layout, sample)])
    assert (layout.decimal_comma, layout.genre_separator, layout.columns["valence"].unit) == (True, ",", "percent")


def test_remembered_encoding_holds_where_every_line_is_valid_in_it(caplog):
    memory = {"encoding": Remembered("cp1250", "day1.csv")}
    n_invalid = [0] * len(CANDIDATES)
    scan = FileScan("cp1252", n_lines=5, n_invalid=1, n_invalid_by=n_invalid)
    assert _use_remembered_encoding(input_file("a.csv"), scan, memory)
    assert (scan.encoding, scan.n_invalid) == ("cp1250", 0)
    n_invalid[CANDIDATES.index("cp1250")] = 2
    scan = FileScan("cp1252", n_lines=5, n_invalid_by=n_invalid)
    assert not _use_remembered_encoding(input_file("a.csv"), scan, memory)
    assert scan.encoding == "cp1252"
    assert "not as cp1250 like day1.csv, in which 2 of its lines are not valid" in caplog.text
    assert not _use_remembered_encoding(input_file("a.csv"), FileScan("utf-8"), memory)
