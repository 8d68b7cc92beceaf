"""One module a plugin, in the folder of that name upstream."""
