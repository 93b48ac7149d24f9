"""What is installed: the locks and the floors, a trial of the built wheel, known vulnerabilities."""
