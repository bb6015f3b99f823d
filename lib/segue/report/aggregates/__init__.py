"""The numbers of the report, aggregated by Spark. Sums, counts and a sample reach the driver, never all tracks."""
