"""Decide from names and sampled values which column of ``tracks`` each column of a file is, and in which unit."""
