"""How blind a network is: the program `audit`."""
