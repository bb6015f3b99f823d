"""Detect the encoding, container, CSV dialect and header of files, and split files into lines and records."""
