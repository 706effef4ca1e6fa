"""Rules between columns that every generated row follows."""
