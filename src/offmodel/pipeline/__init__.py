"""Steps, the store that keeps their artifacts, and the runner that makes them."""
