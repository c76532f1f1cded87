"""Frozen, validated data types; batch axis first. They import nothing but ``errors``."""
