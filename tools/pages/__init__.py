"""What turns the notebooks of the course into pages: small pure functions, and hooks for Sphinx."""
