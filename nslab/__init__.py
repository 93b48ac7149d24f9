"""Negative Sampling Lab: losses, theory and samplers behind the notebooks."""
