"""Parts of the demonstration log: phrases, fake personal values, one talk, its surroundings, planted faults."""
