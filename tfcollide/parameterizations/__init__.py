"""What is optimised, and the image that it stands for."""
