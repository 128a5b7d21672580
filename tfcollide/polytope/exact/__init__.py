"""Where the tap is affine: half-spaces, programs, vertices, nearest points."""
