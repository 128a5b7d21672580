"""What is written: atomically, into run directories, resumable."""
