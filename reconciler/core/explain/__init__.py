"""Plans, drift and problems told to people: the answer first, grouped by what is the same, causes named.

Gives lines, never prints. All text from Git or hosts passes `words.printable`.
"""
