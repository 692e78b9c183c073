"""What an agent turn does (policies) and what is wrong with it (findings), by rules that people can read."""
