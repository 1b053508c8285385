"""What every room uses: checks of arguments, pytrees, the words of the signatures."""
