"""How the topology and geometry of data change through the depth of a neural network.

The rooms of the library, from the lowest up: ``storage``, ``datasets``, ``architectures``, ``models``,
``training``, ``activations``, ``homology``, ``descriptors``, ``dimension``, ``statistics``, ``tables``,
``figures``. Imports point down this list only. Nothing is imported here, so that a worker pays only for what
it uses.
"""
