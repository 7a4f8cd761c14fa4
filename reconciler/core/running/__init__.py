"""Judges of a run: what may go next, what the budgets say, how hosts are afterwards, what became of a run that died."""
