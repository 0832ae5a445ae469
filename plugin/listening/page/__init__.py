"""A listening test as one HTML page with its sounds inside, which gives a file of results back."""
