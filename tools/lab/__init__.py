"""What `make lab` starts JupyterLab with, and what runs the notebooks and stores their outputs."""
