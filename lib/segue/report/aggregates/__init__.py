"""Aggregate the numbers of the report with Spark. Only sums, counts and a sample of the tracks reach the driver."""
