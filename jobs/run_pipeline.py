"""Run all stages, from files to the report, in one Spark session. Options: --input PATH --output ROOT."""

from segue.pipeline import run_all
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(run_all.JOB)
