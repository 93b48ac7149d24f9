"""Practice: check your code, ask for a hint, see a solution, predict before you look.

>>> from nslab import practice
>>> def dH_dtau(s, tau):
...     return s.var() / tau**3
>>> practice.check("05", dH_dtau).mistake
'np.var'
"""

from nslab.practice._check import CheckError, Result, check, hidden_seed, passed
from nslab.practice._help import hint, solution
from nslab.practice._predict import Prediction, predict
from nslab.practice._progress import progress

__all__ = [
    "CheckError",
    "Prediction",
    "Result",
    "check",
    "hidden_seed",
    "hint",
    "passed",
    "predict",
    "progress",
    "solution",
]
