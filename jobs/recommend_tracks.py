"""List the similar tracks of each track or, with --seeds FILE, recommend tracks for a list. Options: --output ROOT."""

from segue.pipeline import recommend
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(recommend.JOB)
