"""What the package does, measured side by side with its peers: `make bench`."""

from benchmarks._record import measured

__all__ = ["measured"]
