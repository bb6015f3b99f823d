"""Labeled tracks become similar tracks. Options: --output ROOT."""

from segue import job
from segue.stages import recommend

if __name__ == "__main__":
    job.main(recommend.JOB)
