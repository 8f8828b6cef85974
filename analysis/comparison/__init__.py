"""Two sets of results side by side: cell by cell, tested, with every condition that differs."""
