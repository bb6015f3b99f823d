"""Do the work of each job in plain functions: read tables, call the other packages, write tables."""
