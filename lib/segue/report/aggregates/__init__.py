"""Aggregate the numbers of the report with Spark. Only sums, counts and some of the tracks reach the driver."""
