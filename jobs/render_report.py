"""Render the tables as report.html, and write its numbers to report.json. Options: --output ROOT."""

from segue.pipeline import report
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(report.JOB)
