"""Windows of photographs, and the index that finds the nearest of millions of them."""
