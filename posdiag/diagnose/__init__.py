"""Pure functions over values handed in: observation -> evidence -> posterior -> tests and fixes."""
