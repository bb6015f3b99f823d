"""Files become tracks and rejected tracks. Options: --input PATH --output ROOT."""

from segue import job
from segue.stages import ingest

if __name__ == "__main__":
    job.main(ingest.JOB)
