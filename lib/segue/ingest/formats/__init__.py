"""Detect what a file is (encoding, container, dialect, header), and split it into lines and records."""
