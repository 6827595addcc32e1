"""`python -m benchmarks.checkpointing`: the command line, in run.py."""

from benchmarks.checkpointing.run import main

main()
