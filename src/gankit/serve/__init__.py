"""The gallery: runs in a browser, and as a JSON API.

It holds no sampling code: requests become :class:`gankit.workflows.generate.Sampling`, one thread
draws them, and items are shown as :meth:`gankit.contract.Modality.render` gives them.
"""
