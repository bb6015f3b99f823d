"""Read files into the tables tracks and rejected_tracks. Options: --input PATH --output ROOT, --dry-run."""

from segue.pipeline import ingest
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(ingest.JOB)
