"""Items that are trees of rows, as tensors and back."""
