"""Deliveries of one header are read alike: the table ``layout_decisions``, the dry run, ``strict``, and old outputs."""

import json
import shutil

import pytest
from deltalake import DeltaTable
from tests.helpers.small_files import HEADER

from segue.pipeline import ingest


def delivery(first, valence, n=30):
    """Return the text of a CSV file with n tracks, whose valence is a function of their number."""
    rows = [f"id{i}x,Song {i},A{i},{90 + i},-7.5,0.1,{valence(i)},0.25,0.05,rock" for i in range(first, first + n)]
    return "\n".join([",".join(HEADER), *rows]) + "\n"


@pytest.fixture
def output(run_job, tmp_path):
    return Output(run_job, tmp_path)


class Output:
    def __init__(self, run_job, folder):
        self._run_job, self.inputs, self.root = run_job, folder / "in", folder / "out"
        self.inputs.mkdir()

    def run(self, *options):
        return self._run_job(ingest.JOB, "--input", self.inputs, "--output", self.root, *options)

    def table(self, name):
        return DeltaTable(str(self.root / name))

    def valences(self):
        return self.table("tracks").to_pandas().set_index("track_id").valence

    def decisions(self):
        rows = self.table("layout_decisions").to_pandas()
        return rows.set_index("decision")[["value", "source_file"]].T.to_dict("list")

    def counts(self):
        runs = self.table("runs").to_pandas().sort_values("started_at")
        return json.loads(runs.counts.iloc[-1])["ingest"]


@pytest.mark.guard("earlier-decisions-hold")
def test_later_deliveries_are_read_as_the_first(output, capsys):
    (output.inputs / "day1.csv").write_text(delivery(0, lambda i: 3 * i + 2), "utf-8")
    assert output.run() == 0
    decisions = output.decisions()
    assert decisions["valence.unit"] == ["percent", "day1.csv"]
    assert decisions["bpm.column"] == ["tempo", "day1.csv"]
    # three quiet tracks of the second day: by their own values they would be fractions
    (output.inputs / "day2.csv").write_text(delivery(30, lambda i: f"0.{i - 25}", 3), "utf-8")
    capsys.readouterr()
    assert output.run("--dry-run") == 0
    printed = capsys.readouterr().out
    assert "* as decided from day1.csv, which has the same header" in printed
    assert ["valence", "valence*", "percent*"] in [line.split()[:3] for line in printed.splitlines()]
    # strict refuses guesses, and what is remembered is none
    assert output.run("--set", "ingest.strict=true") == 0
    assert output.valences()["id30x"] == pytest.approx(0.005)
    assert output.table("layout_decisions").version() == 0
    # a delivery that cannot be in percent is refused, and changes nothing
    (output.inputs / "day3.csv").write_text(delivery(40, lambda i: f"0.{i}"), "utf-8")
    assert output.run() == 3
    error = capsys.readouterr().err
    assert "day3.csv: valence (0.4 to 0.69): in 0 to 100 in day1.csv, which has the same header" in error
    assert "--set ingest.layouts=decide" in error
    assert len(output.valences()) == 33
    assert output.run("--set", "ingest.layouts=decide") == 0
    assert output.valences()["id45x"] == pytest.approx(0.45)
    assert output.decisions()["valence.unit"] == ["fraction", "day3.csv"]
    assert output.decisions()["bpm.column"] == ["tempo", "day1.csv"]


def test_output_without_decisions_reads_nothing_again_and_remembers_from_then_on(output, capsys):
    (output.inputs / "day1.csv").write_text(delivery(0, lambda i: 3 * i + 2), "utf-8")
    assert output.run() == 0
    shutil.rmtree(output.root / "layout_decisions")  # as an output of an earlier version
    (output.inputs / "day2.csv").write_text(delivery(30, lambda i: i + 20), "utf-8")
    assert output.run("--set", "ingest.strict=true") == 3
    error = capsys.readouterr().err
    assert "ingest.strict is true" in error
    assert "valence read as 0 to 100, inferred from the values [settled by: a source of your own" in error
    assert len(error.strip().splitlines()) == 1
    assert output.run() == 0
    assert (output.counts()["known_files"], output.counts()["read"]) == (1, 30)
    assert output.decisions()["valence.unit"] == ["percent", "day2.csv"]
