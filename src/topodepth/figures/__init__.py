"""Figures, one module each: ``draw`` reads tables and returns a matplotlib Figure; ``style.save`` writes it.

All of them take the same keywords:

models
    What to draw, by the names in the table, in the order that gives them their colours; default: all, in the table's
    order. In the spoofing experiment these are representations, of an attack the names of its strengths. An association
    belongs to all models together, so that of them there is nothing to choose.
labels
    Names to show for them; default: their own.
title
    Title above the panels.
panels
    Pairs of a descriptor and a homology dimension, a panel each, in order; None in place of the dimension for a
    descriptor that has none, or for all that the table has. Figures that show descriptors take it, each with a default
    of its own: those of a few that the table has.

They raise :class:`topodepth.errors.InputError`, which names the figure, if a table is empty, lacks a column, a model or
a panel, or has two values for one point.
"""
