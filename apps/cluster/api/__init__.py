"""The kinds: what fields they have, what they default to, what is valid, and how documents become objects."""
