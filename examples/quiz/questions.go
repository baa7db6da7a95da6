package main

// question has four options, of which the one with the index right is.
type question struct {
	text    string
	options []string
	right   int
}

var questions = []question{
	{"What does a hertz count?",
		[]string{"Metres per second", "Times per second", "Bits per second", "Watts per hour"}, 1},
	{"What does the first line of every WebSocket connection look like?",
		[]string{"An HTTP GET", "A TLS alert", "A JSON object", "An HTTP POST"}, 0},
	{"How long is a light year, roughly?",
		[]string{"1 million km", "9.5 billion km", "9.5 trillion km", "365 parsecs"}, 2},
	{"Which planet has the shortest day?",
		[]string{"Mercury", "Earth", "Mars", "Jupiter"}, 3},
	{"What is 2 to the power of 10?",
		[]string{"512", "1000", "1024", "2048"}, 2},
	{"Which animal is on the logo of Go?",
		[]string{"A crab", "A gopher", "An elephant", "A python"}, 1},
	{"Which ocean is the deepest?",
		[]string{"Atlantic", "Indian", "Arctic", "Pacific"}, 3},
	{"Which of these was invented first?",
		[]string{"The telephone", "The fax machine", "The light bulb", "The radio"}, 1},
}
