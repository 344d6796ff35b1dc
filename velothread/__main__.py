"""`python -m velothread` is the `velothread` command."""

from velothread.cli.main import main

if __name__ == "__main__":
    main()
