"""What is optimized, and the image that it stands for."""
