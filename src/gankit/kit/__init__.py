"""What plugins may share.

Importing a module here costs nothing, except for ``layers`` and ``autoencoders``, which import
torch: other libraries are imported by the functions that need them.
"""
