"""Who is told what: what is worth telling, to which channels, when, and in which words."""
