"""What other dialects mean by their SQL, said in velothread's own.

`meaning.py`: the rules of one dialect; `translate.py`: a parsed tree -> ours; `nodes.py`, `likeness.py`, `clauses.py`:
syntax; `templates.py`: tables of functions; `rewrites.py`: calls that no template says; `typed.py`: what depends on
the types of the arguments; `formats.py`: formats of dates. And a module for each dialect.
"""
