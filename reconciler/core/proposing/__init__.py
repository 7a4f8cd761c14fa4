"""What a pull request would change: on top of what is due already, and what it brings with it."""
