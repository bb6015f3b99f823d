"""The tables become report.html: spark-submit.sh jobs/render_report.py --output ROOT."""

from segue.pipeline import report
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(report.JOB)
