"""Keys for pseudonyms and decoys: epochs, the file that keeps them, what is made with them."""
