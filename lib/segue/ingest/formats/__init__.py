"""What a file is: its encoding, container, dialect and header, and the lines and records in it."""
