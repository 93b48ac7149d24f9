"""The course in a real JupyterLab and Chromium: driven by tests and measurements, and over a slow line."""
