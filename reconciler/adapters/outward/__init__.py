"""Requests that go out from this machine, only to addresses where they may go."""
