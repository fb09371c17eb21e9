"""The program `wan-healthd`: command line, configuration, signals, the service manager, and the scan without a daemon.

A root of the house: it may import everything, and nothing imports it.
"""
