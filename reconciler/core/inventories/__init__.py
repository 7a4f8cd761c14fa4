"""Hosts from outside of Git: listings, how they become hosts, and what of them is not believed."""
