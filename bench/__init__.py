"""The benchmark, `python -m bench`: what a read and a stage cost, against a reference of the same run."""
