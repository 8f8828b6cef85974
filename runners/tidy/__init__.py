"""Look after results: list, free, pack, merge, rename and remove them."""
