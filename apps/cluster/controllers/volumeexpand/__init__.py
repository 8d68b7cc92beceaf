"""The volume expand controller."""
