"""What the package does, measured side by side with its peers: `make bench`."""
