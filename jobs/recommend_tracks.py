"""List the tracks most similar to each track, or to those in a file. Options: --output ROOT, --seeds FILE."""

from segue.pipeline import recommend
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(recommend.JOB)
