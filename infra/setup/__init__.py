"""Sets a bare machine up: only Python 3.11, git and make are there, and perhaps no right to install packages.

`python3 -m infra.setup` needs nothing but the standard library. Every step says what it does, may be interrupted and
repeated, and does nothing when its result is there already.
"""
