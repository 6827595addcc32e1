"""`python -m benchmarks`: the command line, in run.py."""

from benchmarks.run import main

main()
