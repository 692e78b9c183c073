"""Who is asked: models behind one small protocol."""
