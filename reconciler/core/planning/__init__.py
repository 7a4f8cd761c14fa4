"""What is due to a plan: programs in order, steps and batches, payloads, and the plan as a file."""
