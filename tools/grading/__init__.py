"""Grade submissions: a judge asks for values, and a process of its own, which runs the submission, answers.

`submissions` reads what was handed in, `judge` asks and decides, `answers` starts, limits and ends the
process that answers (in bubblewrap where that works), `answerer` is what runs there, `wire` carries plain
data between the two, and `page` writes the feedback. `python -m tools.grading` puts them together.
"""
