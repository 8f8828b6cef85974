"""The commands that look after results: list, gc, archive, import, merge, rename, rm."""
