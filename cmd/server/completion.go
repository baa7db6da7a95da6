package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/smartsocket/smartsocket/config"
	"github.com/smartsocket/smartsocket/internal/tail"
)

// completionFor has a template for each shell.
var completionFor = map[string]*template.Template{
	"bash": shellTemplate("bash", bashCompletion),
	"zsh":  shellTemplate("zsh", zshCompletion),
	"fish": shellTemplate("fish", fishCompletion),
}

//go:embed completion/bash.sh
var bashCompletion string

//go:embed completion/zsh.sh
var zshCompletion string

//go:embed completion/fish.fish
var fishCompletion string

func shellTemplate(name, text string) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{
		"join": strings.Join, "quote": shellQuote, "zsh": zshQuote,
	}).Parse(text))
}

// shellQuote quotes a text for all three shells. It has no apostrophe and no backslash.
func shellQuote(text string) string {
	return "'" + strings.NewReplacer("'", "", `\`, "").Replace(text) + "'"
}

// zshQuote quotes a description for zsh, to which colons and brackets mean something.
func zshQuote(text string) string {
	return strings.NewReplacer("'", "", `\`, "", ":", ",", "[", "(", "]", ")").Replace(text)
}

// shellFlag is a flag as the shells are told of it.
type shellFlag struct {
	Name, Help string
	File       bool     // the value is the name of a file
	Choices    []string // what the value may be
}

// shellData is what the templates are given.
type shellData struct {
	Words  []shellFlag // words, with their help
	Server []shellFlag // flags of the server
	Load   []shellFlag // flags of loadtest
	Ops    []shellFlag // flags of tail, emit and report
}

// runCompletion is the word completion. It returns the exit code.
func runCompletion(_ context.Context, args, _ []string, stdout, stderr io.Writer) int {
	shells := []string{"bash", "zsh", "fish"}
	if len(args) != 1 || completionFor[args[0]] == nil {
		fmt.Fprintf(stderr, "smartsocket-server completion: write one of %s behind it, as in\n"+
			"  source <(smartsocket-server completion bash)\n", strings.Join(shells, ", "))
		return exitUsage
	}
	var b bytes.Buffer
	if err := completionFor[args[0]].Execute(&b, shellFlags()); err != nil {
		fmt.Fprintf(stderr, "smartsocket-server completion: %v\n", err)
		return exitFailed
	}
	_, _ = stdout.Write(b.Bytes()) // as fmt.Print, it has nobody to tell
	return 0
}

// shellFlags gathers words and flags.
func shellFlags() shellData {
	d := shellData{Words: []shellFlag{
		{Name: serveWord, Help: "serve, as without a word"},
		{Name: "loadtest", Help: "many clients against a server"},
		{Name: "tail", Help: "show live what happens on a server"},
		{Name: "emit", Help: "emit an event from a server"},
		{Name: "report", Help: "gather what a report of a fault needs"},
		{Name: "completion", Help: "print completions for a shell"},
	}}
	s := source(nil, nil)
	for a, help := range s.Actions {
		d.Words = append(d.Words, shellFlag{Name: string(a), Help: help})
	}
	d.Words = append(d.Words, shellFlag{Name: string(config.Help), Help: "print the flags"})
	slices.SortFunc(d.Words, func(a, b shellFlag) int { return cmp.Compare(a.Name, b.Name) })
	d.Server = flagsOf(defaultSettings(), s)
	d.Load = flagsOf(new(loadtestSettings), config.Source{Help: loadtestHelp})
	d.Ops = flagsOf(new(operatorSettings), config.Source{Help: operatorHelp})
	return d
}

// flagsOf lists the flags of settings.
func flagsOf(dst any, s config.Source) (list []shellFlag) {
	s.EnvPrefix = ""
	loaded, err := config.Load(dst, s)
	if err != nil {
		return nil // only tags that are wrong, which every test would meet
	}
	list = append(list, shellFlag{Name: "config", Help: "file with settings", File: true},
		shellFlag{Name: string(config.Print), Help: "print the settings in force"})
	for _, x := range loaded.List() {
		f := shellFlag{Name: x.Flag, Help: x.Help, Choices: choices[x.Name]}
		f.File = strings.Contains(x.Help, "file") && f.Choices == nil && !x.Secret
		list = append(list, f)
		if x.Secret {
			list = append(list, shellFlag{Name: x.Flag + "-file", Help: "file with " + x.Name,
				File: true})
		}
	}
	return list
}

func kinds() (names []string) {
	for _, k := range tail.Kinds {
		names = append(names, string(k))
	}
	return names
}

// choices are the values of settings that have few.
var choices = map[string][]string{
	"logLevel":            {"error", "warn", "info", "debug", "trace"},
	"logFormat":           {"text", "json"},
	"encryptionAlgorithm": {"aes-256-gcm", "aes-256-cbc"},
	"enableEncryption":    {"auto", "true", "false"},
	"kind":                kinds(),
	"network":             {"lan", "fiber", "wifi", "4g", "3g", "satellite"},
}
