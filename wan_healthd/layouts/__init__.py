"""Which files make a model. Pure: listings (and a peek at small files nearby) in, claims and needs out.

Each layout is one file; `layouts.registry` names them in the order in which they may claim, `layouts.ground` is what a walk
carries from folder to folder. Imported by services.
"""
