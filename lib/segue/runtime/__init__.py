"""Run jobs: Spark session, command line, the table ``runs``, signals, logging."""
