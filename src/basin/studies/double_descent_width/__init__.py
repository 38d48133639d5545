"""Double descent over width: the test error of networks below, at and above the interpolation threshold."""
