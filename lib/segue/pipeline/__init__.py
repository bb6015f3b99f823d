"""What each job does: plain functions that read tables, call the packages below and write tables."""
