package main

import (
	"context"
	"io"
)

// word is what the program can do with arguments of its own. It is the first argument.
type word struct {
	name string
	run  func(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int
}

// serveWord is what the program does without a word.
const serveWord = "serve"

// words returns the words besides serveWord. Those that take the settings of the server are actions
// of package config instead.
func words() []word {
	return []word{
		{"loadtest", runLoadtest},
		{"tail", runTail},
		{"emit", runEmit},
		{"report", runReport},
		{"completion", runCompletion},
	}
}

// wordNamed returns the word with a name, nil if there is none.
func wordNamed(name string) *word {
	for _, w := range words() {
		if w.name == name {
			return &w
		}
	}
	return nil
}

// wordNames lists the names of all words.
func wordNames() []string {
	names := []string{serveWord}
	for _, w := range words() {
		names = append(names, w.name)
	}
	return names
}
