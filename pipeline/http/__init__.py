"""What servers and clients share that speak HTTP: addresses, certificates, answers."""
