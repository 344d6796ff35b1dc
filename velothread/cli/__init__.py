"""The `velothread` command: a thin layer on `velothread.session`.

`main` is the entry point; each command is a module, imported when it is called. Results go to standard output, all
else to standard error.
"""
