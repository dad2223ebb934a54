"""What several test modules share: builders, the model of the rules, cases, the clock and the command line."""
