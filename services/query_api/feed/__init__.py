"""`/ws`: what happens to products and orders, told to sockets as it happens, in the shape of Coinbase Exchange's feed."""
