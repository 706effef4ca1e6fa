"""Writing generated images, and showing them."""
