"""Tracks become k_scores and a model. Options: --output ROOT."""

from segue import job
from segue.stages import train

if __name__ == "__main__":
    job.main(train.JOB)
