"""Tracks and a model become labeled tracks and cluster profiles. Options: --output ROOT, --tracks new|all."""

from segue import job
from segue.stages import label

if __name__ == "__main__":
    job.main(label.JOB)
