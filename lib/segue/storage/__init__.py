"""Delta tables with their log, transactions, migrations and maintenance; saved models; single files."""
