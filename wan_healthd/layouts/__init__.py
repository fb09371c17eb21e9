"""Which files make a model. Pure: listings in, claims out.

Each layout is one file; `layouts.registry` names them in the order in which they may claim. Imported by services.
"""
