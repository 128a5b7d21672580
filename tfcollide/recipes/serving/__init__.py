"""The programs export, serve_local and check_served."""
