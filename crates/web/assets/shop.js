// Makes the shop's pages smoother. Everything works without it.
