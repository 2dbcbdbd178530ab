"""Plan, runner and the whole chain."""
