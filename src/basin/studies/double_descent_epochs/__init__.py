"""Double descent over epochs: test error falls, rises and falls as training goes on."""
