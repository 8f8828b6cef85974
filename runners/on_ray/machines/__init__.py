"""What the machines of a Ray cluster have, before trials run on them."""
