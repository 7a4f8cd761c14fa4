"""How older stores become like `tables`. A migration stands for ever as it was written: it imports nothing of ours."""
