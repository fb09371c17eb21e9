"""Manual pages, made from the definitions that the programs work by: their parsers, and the settings with the shipped example.

`roff` writes what man(1) reads; `programs` and `configuration` say what is on a page; packaging/man_pages.py makes the files.
"""
