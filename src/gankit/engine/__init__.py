"""The adversarial engine. Start with ``step.py``, then ``trainer.py``."""
