"""How rows become tensors and back."""
