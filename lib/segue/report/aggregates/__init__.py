"""The numbers of the report, aggregated by Spark: sums, counts and a sample reach the driver, never all tracks."""
