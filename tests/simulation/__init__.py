"""The daemon in a world that is made of one seed: time, chance, network, hosts, Git and the database are simulated.

`python -m tests.simulation SEED` repeats one and tells what happened; `--count N` tries many, `--bug NAME` plants one.
"""
