"""One folder an exercise: what is asked, the inputs to try, and the mistakes that are known by name."""
