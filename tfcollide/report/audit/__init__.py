"""The report of an audit: one page that opens from disk, and its essentials as a table."""
