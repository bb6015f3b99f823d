"""List up to ten similar tracks for each track; with --seeds FILE, recommend for playlists. Options: --output ROOT."""

from segue.pipeline import recommend
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(recommend.JOB)
