"""Large text files that are read in a single pass give what they give if they are scanned first."""

import json
import os
import random
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.helpers.small_files import HEADER, as_csv, track

from segue.core import packaged
from segue.errors import InputError
from segue.ingest import input_files, merge, single_pass
from segue.ingest.columns.column_rules import ReadingChoices
from segue.ingest.columns.sources import load_sources
from segue.ingest.formats import text_scan
from segue.ingest.input_files import list_input
from segue.ingest.reader import read_rows
from segue.ingest.text_files import TextOptions
from segue.pipeline import ingest

NEEDED = ("bpm", "loudness", "liveness", "valence", "acousticness", "speechiness")
N_ROWS = 1000
MIDDLE = range(190, 240)
"""Rows in none of the pieces that are read before the file."""
AGAIN = "all files are read again, because parts of them suggested something else: "


@contextmanager
def small_limits(spark):
    """Context manager: read files of 60 kB in a single pass, in blocks of 24 kB."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(input_files, "LARGE_INPUT_BYTES", 0)
        monkeypatch.setattr(single_pass, "_MIN_FILE_BYTES", 0)
        monkeypatch.setattr(single_pass, "_PIECE_BYTES", 8192)
        before = spark.conf.get("spark.sql.files.maxPartitionBytes")
        spark.conf.set("spark.sql.files.maxPartitionBytes", 24 << 10)
        yield
        spark.conf.set("spark.sql.files.maxPartitionBytes", before)


@pytest.fixture(autouse=True)
def limits(request):
    if "spark" not in request.fixturenames:
        yield
        return
    with small_limits(request.getfixturevalue("spark")):
        yield


def is_cached(spark):
    return not spark._jsparkSession.sharedState().cacheManager().isEmpty()


def outcome(spark, path, caplog, *, in_single_pass, strict=False, **options):
    """Read an input; return its rows and how it is read, or the error message; and the lines of the log.

    A single pass fails if it scans the lines in a job of its own.
    """
    caplog.clear()
    assert not is_cached(spark)
    files = list_input(spark, str(path))
    sources = load_sources(packaged.conf() / "sources")
    try:
        with caplog.at_level("INFO", "segue"), pytest.MonkeyPatch.context() as monkeypatch:
            if in_single_pass:
                monkeypatch.setattr(text_scan, "scan_files", None)
            rows = read_rows(
                spark, files, sources, NEEDED, TextOptions(**options), missing_rejects=True,
                choices=ReadingChoices(), strict=strict, single_pass=in_single_pass,
            )  # fmt: skip
            assert bool(rows.verify) == in_single_pass
            with merge.persisted_with_status(rows) as (statuses, readings):
                assert is_cached(spark)
                result = sorted(map(repr, statuses.collect())), repr(readings)
    except InputError as error:
        result = str(error)
    assert not is_cached(spark)
    return result, [(record.levelname, record.getMessage()) for record in caplog.records]


def read_both_ways(spark, path, caplog, **options):
    """Assert that both ways have equal results; return the result, and why the file was read again, or None."""
    expected, expected_log = outcome(spark, path, caplog, in_single_pass=False, **options)
    result, logged = outcome(spark, path, caplog, in_single_pass=True, **options)
    reasons = [line.removeprefix(AGAIN) for _, line in logged if line.startswith(AGAIN)]
    assert result == expected
    assert [(level, line) for level, line in logged if not line.startswith(AGAIN)] == expected_log
    assert len(reasons) <= 1
    return result, reasons[0] if reasons else None


def csv_rows(**middle):
    """Return tracks as rows of CSV; those in the middle of the file have other values."""
    return [track(n, **({"tempo": str(90 + n % 60)} | (middle if n in MIDDLE else {}))) for n in range(N_ROWS)]


def json_lines(**middle):
    """Return tracks as lines of JSON; those in the middle of the file have further members."""
    rows = [dict(zip(HEADER, row, strict=True)) | {"speechiness": 0.01} for row in csv_rows()]
    return "".join(json.dumps(row | (middle if n in MIDDLE else {})) + "\n" for n, row in enumerate(rows))


def test_ordinary_files_are_read_once(spark, tmp_path, caplog):
    rows = csv_rows(name='Señorita, "live"')
    rows[100:103] = [rows[99], track(100, tempo="fast"), [*track(101), "x"]]
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfMy list\n" + as_csv(rows).encode())
    (tmp_path / "b.csv").write_bytes(as_csv([track(n, name="Café") for n in range(400)], ";").encode("cp1252"))
    result, reasons = read_both_ways(spark, tmp_path, caplog)
    assert reasons is None
    assert len(result[0]) == N_ROWS + 400
    assert sum("duplicate" in row for row in result[0]) > 0
    assert sum("is not a number" in row for row in result[0]) == 1
    (tmp_path / "c.jsonl").write_text(json_lines(), "utf-8")
    rules = single_pass.ColumnRules(load_sources(packaged.conf() / "sources"), NEEDED, NEEDED)
    files = list_input(spark, str(tmp_path))
    assert single_pass.read_in_single_pass(spark, files, rules, TextOptions()) is None


def test_bytes_that_are_rejected_are_read_once(spark, tmp_path, caplog):
    text = as_csv(csv_rows(name="Café")).encode()
    (tmp_path / "a.csv").write_bytes(text.replace("é".encode(), b"\xe9", 1))
    result, reasons = read_both_ways(spark, tmp_path, caplog, invalid_utf8="reject")
    assert reasons is None
    assert sum("bytes that are not utf-8" in row for row in result[0]) == 1


def test_member_that_is_not_read_does_not_matter(spark, tmp_path, caplog):
    (tmp_path / "a.jsonl").write_text(json_lines(comment="new"), "utf-8")
    result, reasons = read_both_ways(spark, tmp_path, caplog)
    assert (reasons, len(result[0]), "comment" in result[1]) == (None, N_ROWS, True)


# all pieces have fractions, and no 7, which makes the column tenths
UNITS = as_csv(
    [track(n, tempo=str(90 + n % 60), valence="7" if n % 250 in range(185, 247) else "0.9") for n in range(N_ROWS)]
).encode()
OPEN_QUOTE = as_csv(csv_rows()).replace("Song 200,", '"Song 200,', 1).encode()


@pytest.mark.guard("single-pass-verified")
@pytest.mark.parametrize(
    ("name", "content", "options", "reasons"),
    [
        ("units.csv", UNITS, {}, "units of units.csv"),
        ("quote.csv", OPEN_QUOTE, {}, "quoting of quote.csv"),
        ("spanned.csv", as_csv(csv_rows(name="two\nlines")).encode(), {}, "quoting of spanned.csv"),
        ("blocks.csv", OPEN_QUOTE, {"multiline": False}, "quoting of blocks.csv"),
        ("member.jsonl", json_lines(popularity=70).encode(), {}, "columns of member.jsonl; units of member.jsonl"),
        ("encoding.csv", as_csv(csv_rows(name="Café")).encode("cp1252"), {}, "encoding of encoding.csv"),
    ],
)
def test_misleading_parts_make_a_second_reading(name, content, options, reasons, spark, tmp_path, caplog):
    (tmp_path / name).write_bytes(content)
    result, logged = read_both_ways(spark, tmp_path, caplog, **options)
    assert logged == reasons
    if name != "quote.csv":
        assert len(result[0]) == N_ROWS


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (as_csv(csv_rows(name="x\x00y")).encode(), {}, "a.csv holds NUL bytes and begins with b'id,name,'"),
        (
            as_csv(csv_rows(name="Café")).encode().replace("é".encode(), b"\xe9", 1),
            {},
            "a.csv: 1 of 1001 lines are not UTF-8; name the file's encoding",
        ),
        (as_csv(csv_rows()).encode(), {"strict": True}, "ingest.strict is true, and "),
    ],
)
def test_fault_is_reported_as_if_scanned_first(content, options, message, spark, tmp_path, caplog):
    (tmp_path / "a.csv").write_bytes(content)
    result, reasons = read_both_ways(spark, tmp_path, caplog, **options)
    assert reasons is None
    assert result.startswith(message)


def test_failed_reading_leaves_nothing_persisted(spark, tmp_path, caplog, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(UNITS)

    def remove(*_, **options):
        path.unlink(missing_ok=True)
        return read_text(*_, **options)

    read_text = single_pass.text_reader.read_text
    with monkeypatch.context() as patched:
        patched.setattr(single_pass.text_reader, "read_text", remove)
        result, _ = outcome(spark, path, caplog, in_single_pass=True)
    assert result.startswith("cannot read a.csv: ")
    path.write_text(as_csv(csv_rows()), "utf-8")
    files = list_input(spark, str(path))
    rows = read_rows(
        spark, files, load_sources(packaged.conf() / "sources"), NEEDED, TextOptions(),
        missing_rejects=True, single_pass=True,
    )  # fmt: skip
    with pytest.raises(ZeroDivisionError), merge.persisted_with_status(rows):
        assert is_cached(spark)
        raise ZeroDivisionError
    assert not is_cached(spark)


@pytest.mark.parametrize(
    ("name", "content", "limit", "options"),
    [
        ("a.csv", as_csv(csv_rows()), ("LARGE_INPUT_BYTES", 1 << 30), {}),
        ("a.csv", as_csv(csv_rows()), ("_MIN_FILE_BYTES", 1 << 30), {}),
        ("a.csv", as_csv(csv_rows()), ("_MAX_FILES", 0), {}),
        ("a.csv", as_csv(csv_rows()), ("_PIECE_BYTES", 1024), {}),
        ("a.csv", as_csv(csv_rows()), None, {"multiline": True}),
        ("a.csv.gz", as_csv(csv_rows()), None, {}),
        ("a.csv", as_csv([track(n, name="two\nlines") for n in range(N_ROWS)]), None, {}),
        ("a.csv", as_csv([track(n, name="x\x00y") for n in range(N_ROWS)]), None, {}),
        ("a.csv", as_csv(csv_rows()).replace("tempo", "x"), None, {}),
        ("a.csv", as_csv(csv_rows()).encode("utf-16"), None, {}),
        ("a.json", "[\n" + json_lines(), None, {}),
        ("a.json", json.dumps([json.loads(line) for line in json_lines().splitlines()], indent=1), None, {}),
    ],
)
def test_other_files_are_scanned_first(name, content, limit, options, spark, tmp_path, monkeypatch, caplog):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if limit:
        module = input_files if hasattr(input_files, limit[0]) else single_pass
        monkeypatch.setattr(module, *limit)
    sources = load_sources(packaged.conf() / "sources")
    rules = single_pass.ColumnRules(sources, NEEDED, NEEDED)
    with caplog.at_level("INFO", "segue"):
        files = list_input(spark, str(path))
        assert single_pass.read_in_single_pass(spark, files, rules, TextOptions(**options)) is None
    assert caplog.messages == []


def test_job_reads_a_large_file_once(spark, run_job, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(as_csv(csv_rows()), "utf-8")
    monkeypatch.setattr(text_scan, "scan_files", None)
    assert run_job(ingest.JOB, "--input", tmp_path / "a.csv", "--output", tmp_path / "out") == 0
    assert spark.read.format("delta").load(str(tmp_path / "out" / "tracks")).count() == N_ROWS
    decisions = spark.read.format("delta").load(str(tmp_path / "out" / "layout_decisions"))
    units = {row.decision: row.value for row in decisions.collect()}
    assert units["valence.column"] == "valence"


PIECES = (
    b'"',
    b",",
    b'","',
    b"\n",
    b"\r",
    b"\r\n",
    b'"\n',
    b"\x00",
    b"\xe9",
    "é".encode(),
    b"{",
    b"}",
    b"\xef\xbb\xbf",
)


@settings(
    max_examples=int(os.environ.get("SEGUE_FUZZ", "2")),
    derandomize="SEGUE_FUZZ" not in os.environ,
    database=None,
    # shrinking a failing example would run jobs for each attempt
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32))
def test_mutated_file_has_equal_rows_both_ways(seed, spark, tmp_path_factory, caplog):
    rng = random.Random(seed)
    name, text = rng.choice((("a.csv", as_csv(csv_rows(name='a "b", é'))), ("a.jsonl", json_lines(comment="é"))))
    content = bytearray(text.encode())
    for _ in range(rng.choice((1, 1, 3, 9))):
        # beyond the first piece, as a fault that it shows would make the file be scanned first
        index = rng.randrange(8192, len(content))
        content[index : index + rng.choice((0, 0, 1, 9, 300))] = rng.choice(PIECES)
    path = tmp_path_factory.mktemp("mutated") / name
    path.write_bytes(content)
    options = {"invalid_utf8": rng.choice(("refuse", "reject")), "multiline": rng.choice(("auto", False))}
    expected = outcome(spark, path, caplog, in_single_pass=False, **options)
    rules = single_pass.ColumnRules(load_sources(packaged.conf() / "sources"), NEEDED, NEEDED)
    files = list_input(spark, str(path))
    if single_pass.read_in_single_pass(spark, files, rules, TextOptions(**options)):
        result, logged = outcome(spark, path, caplog, in_single_pass=True, **options)
        logged = [(level, line) for level, line in logged if not line.startswith(AGAIN)]
        assert (result, logged) == expected, seed
