"""What is written down after a change, and what is taken over as it was found."""
