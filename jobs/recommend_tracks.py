"""Labeled tracks become similar tracks. Options: --output ROOT, --seeds FILE."""

from segue import job
from segue.stages import playlist

if __name__ == "__main__":
    job.main(playlist.JOB)
