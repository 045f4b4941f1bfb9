"""How fast calls may start: the rules of the rate, without a clock of their own."""
