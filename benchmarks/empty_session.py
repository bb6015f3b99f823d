"""The least that Spark with Delta can do: start, write a table of one row into FOLDER, read it, stop."""

import sys

from segue.runtime import session

if __name__ == "__main__":
    spark = session.spark_session("empty session")
    spark.range(1).write.format("delta").save(sys.argv[1])
    print(spark.read.format("delta").load(sys.argv[1]).count(), "row")
    spark.stop()
