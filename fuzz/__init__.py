"""Targets for fuzzing: each takes any bytes where somebody else's bytes come in, and may fail only in the ways it says.

python -m fuzz.yaml_state -runs=100000      # libFuzzer's options; its corpus is in fuzz/corpus/yaml_state
"""
