"""Start a session, write a Delta table of one row, read it and stop. Argument: FOLDER. The baseline of pipeline.py."""

import sys

from segue.runtime import session

if __name__ == "__main__":
    spark = session.spark_session("empty session")
    spark.range(1).write.format("delta").save(sys.argv[1])
    print(spark.read.format("delta").load(sys.argv[1]).count(), "row")
    spark.stop()
