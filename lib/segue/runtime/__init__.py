"""Run jobs: Spark session, command line, run records, signals, logging."""
