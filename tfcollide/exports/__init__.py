"""What other programs read: networks and properties in their own formats."""
