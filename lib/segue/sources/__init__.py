"""A file that somebody published becomes canonical columns, and nothing is lost on the way."""
