"""The command line as scripts and people meet it: real repositories, real hosts below a directory, real processes."""
