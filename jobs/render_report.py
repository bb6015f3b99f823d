"""The tables become report.html: spark-submit.sh jobs/render_report.py --output ROOT."""

from segue import job
from segue.stages import report

if __name__ == "__main__":
    job.main(report.JOB)
