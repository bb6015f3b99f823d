"""Every setting: its name, default, constraint and meaning, read from TOML files and --set."""
