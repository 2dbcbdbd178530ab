"""A simulated shop in a child process, known to a run only through a site file and sockets."""
