"""Files become all the tables, in one Spark session. Options: --input PATH --output ROOT."""

from segue import job
from segue.stages import pipeline

if __name__ == "__main__":
    job.main(pipeline.JOB)
