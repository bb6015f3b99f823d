"""Do the work of each job in ``jobs/`` as a function: read tables, call the other packages, write tables."""
