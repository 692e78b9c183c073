"""Which policies the words of an agent turn show, where neither a label nor a tool says it: templates, then a head."""
