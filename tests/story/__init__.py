"""A story from the first commit to the last heal: a fleet, three pull requests, somebody who changes hosts by hand.

It is played with the real command line, Git, Ansible and daemon; hosts are directories, the forge and the receiver of
notices are on loopback. What is said on the way is kept in `golden`, and docs/story.md shows it.
"""
