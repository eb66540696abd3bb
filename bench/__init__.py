"""Benchmarks of the hot paths; see ``python -m bench --help``."""
