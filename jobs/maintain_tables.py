"""Compact every table, and remove files of old versions. Options: --output ROOT, --dry-run, --retention-days N."""

from segue.pipeline import maintain
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(maintain.JOB)
