package crypto

var algorithms = []Algorithm{AES256GCM, AES256CBC}
