"""Fit and score every k, choose one, and save its model. Options: --output ROOT."""

from segue.pipeline import train
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(train.JOB)
