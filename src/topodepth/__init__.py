"""How the topology and geometry of data change through the depth of a neural network.

The rooms of the library, from the lowest up: ``storage``, ``datasets``, ``architectures``, ``models``, ``training``,
``attacks``, ``activations``, ``homology``, ``descriptors``, ``dimension``, ``statistics``, ``tables``, ``spoofing``,
``adversarial``, ``generalization``, ``summaries``, ``figures``; tests/unit/test_house.py lists them all. Imports point
down this list only. Nothing is imported here, so that a worker pays only for what it uses.
"""
