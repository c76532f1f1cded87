"""The commands of the command line: with ``cli``, the only modules that print. Heavy imports happen inside them."""
