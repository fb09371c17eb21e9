"""Calls of the Linux kernel that Python does not offer, by ctypes, one idea a file.

They ask or set what they say, and raise OSError where the kernel refuses. Never here: what an answer means, or what to do
without one. The rooms that read files (digest) and that examine the machine (host) import this one; it imports nothing of ours.
"""
