"""Label tracks with their nearest centre, and describe the clusters. Options: --output ROOT, --tracks new|all."""

from segue.pipeline import label
from segue.runtime import runner

if __name__ == "__main__":
    runner.main(label.JOB)
