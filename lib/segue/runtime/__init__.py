"""What surrounds a job: the Spark session, command-line options, run records, signals, logging."""
