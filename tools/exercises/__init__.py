"""`make exercises`: the notebooks that learners get, written from the solutions."""
