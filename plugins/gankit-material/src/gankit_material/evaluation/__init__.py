"""What generated materials are measured by."""
