"""One file an exercise: what is asked, a right answer, the known mistakes, the inputs and the hints."""
