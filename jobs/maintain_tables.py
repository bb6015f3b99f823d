"""Tables are compacted and old files removed. Options: --output ROOT, --dry-run, --retention-days N."""

from segue import job
from segue.stages import maintain

if __name__ == "__main__":
    job.main(maintain.JOB)
