"""Fit K-means for every number of clusters k, choose one k by the scores, save its model. Options: --output ROOT."""

from segue.pipeline import train
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(train.JOB)
