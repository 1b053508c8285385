"""The command behind `make figures`: pictures, the identities they are checked by, and the page that shows them."""
