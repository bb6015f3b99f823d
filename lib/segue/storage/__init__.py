"""Store Delta tables (with their log, transactions, migrations and maintenance), saved models, and single files."""
