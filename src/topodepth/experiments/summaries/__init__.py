"""What the depth and the dynamics experiment found, in words: the answer, then the tables it rests on."""
