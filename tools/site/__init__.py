"""`make site`: small pure functions that turn notebooks and tables into pages, and hooks for Sphinx."""
