"""What hosts are asked and when, and what their answers say."""
