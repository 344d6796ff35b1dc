"""Python functions in SQL: what they are declared as, and how every partition's own thread calls them.

declaration.py     what a user says of a function: `udf`
annotations.py     what its annotations mean in SQL
library.py         the functions of a session; files of functions, a copy for each thread (own_code.py)
bound.py           a call with arguments of certain types: what generated code calls for every batch
forms.py           how it runs: lifted (lifting/), inlined (inlining.py) or called, and why
calling.py         calls row by row;  whole_columns.py: once for a batch
arguments.py       columns leave Arrow, as Python values
results.py         what a function returned goes back into Arrow, in one call
aggregates.py      classes as aggregates;  aggregate_frames.py: over frames of windows
tables.py          generators as tables: table_source.py in FROM, table_calls.py for each row of another table
objects.py         functions that make a source or a sink
signatures.py      what each of these takes and gives
failures.py        a call that failed, as an error for people
refusals.py        rows for which a call failed: NULL or left out, counted, kept for --rejects
concurrent_calls.py   async functions: many calls at once
belongings.py      what belongs to a thread: its event loop, copies of files to be torn down
gil.py             modules that turn the GIL on are named
"""
