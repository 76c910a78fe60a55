"""The methods of a run in words that a paper can take, and the references that they cite."""
