"""What people see of work while it runs, on a terminal, in a notebook and in a log."""
