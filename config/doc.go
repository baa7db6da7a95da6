// Package config fills a struct of options from a file, the environment and the command line. It
// is what cmd/server reads its settings with, for programs that embed the same options beside their
// own:
//
//	type Config struct {
//		smartsocket.Options
//		Greeting string `config:"greeting" help:"said to newcomers"`
//		Database string `config:"database" help:"URL of the database" secret:"url"`
//	}
//
//	cfg := Config{Options: smartsocket.DefaultOptions(), Greeting: "hello"}
//	settings := config.LoadOrExit(&cfg, config.Source{EnvPrefix: "GAME_", Args: os.Args[1:]})
//
// # Names
//
// The tag config is a setting's name in files. The other names follow from it:
//
//	file          maxConnections: 500
//	environment   GAME_MAX_CONNECTIONS=500
//	flag          -max-connections 500
//
// Flags win over the environment, the environment over the file, and the file over what the struct
// had before. The file is named by the flag -config, or by GAME_CONFIG. It is YAML if its name ends
// with .yaml or .yml, otherwise JSON. An unknown name is an error with a suggestion, and so is one
// that occurs twice in a file.
//
// # Values
//
//	string           as it is; a string in the file
//	bool             true, false; a flag needs no value
//	int, uint, float digits; a number in the file. 10_000 is ten thousand, except in JSON
//	time.Duration    30s, 1m30s, or a number of milliseconds
//	[]string         a, b; a list in the file
//	anything with UnmarshalText, such as netip.Addr, slog.Level or smartsocket.Toggle
//
// YAML has these types and no others: yes is a string, dates are strings, and numbers are written
// as in JSON. A type that reads true and false but not every word, such as smartsocket.Toggle, is
// written without quotes when it is one of the two. A type that has UnmarshalText and no
// MarshalText can be set, but is not printed: it can stand for several settings.
//
// # Tags
//
//	config:"name"       the name; fields without it are left alone
//	help:"text"         its line in the help, see also Source.Help
//	secret:"true"       a key or a password
//	secret:"url"        a URL that may contain a name and a password
//
// The fields of embedded structs count as the struct's own.
//
// # Secrets
//
// A secret is never repeated in an error, right or wrong, and printed as (hidden). It can be given
// as the name of a file that has it: GAME_DATABASE_FILE, -database-file, or databaseFile in the
// config file. A relative name begins at the working directory. One newline at the file's end is
// not part of the secret, and a list may have an item a line. Both forms in one place are an error,
// and so is an empty file or a variable that is set to nothing.
//
// # Reading order
//
// Read config.go, then setting.go (names) and value.go (types). assign.go reads flags and
// environment, file.go JSON, yaml.go YAML; print.go writes. Nothing here is safe for concurrent
// use, because settings are read by one goroutine; there are no locks.
package config
