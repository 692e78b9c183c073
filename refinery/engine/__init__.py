"""A plan cut into passes, run task by task in this process or on Ray, restartable at any moment."""
