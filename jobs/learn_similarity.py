"""Learn weights of features for similar tracks from playlists. Options: --output ROOT, --playlists FILE|FOLDER."""

from segue.pipeline import learn
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(learn.JOB)
