package config_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/config"
)

// Config is what a game can be told: the options of its server, and its own settings.
type Config struct {
	smartsocket.Options
	Greeting string `config:"greeting" help:"said to newcomers"`
	Database string `config:"database" help:"URL of the database" secret:"url"`
}

func defaults() Config {
	return Config{Options: smartsocket.DefaultOptions(), Greeting: "hello"}
}

// A program calls LoadOrExit with os.Args[1:], and without Environ.
func Example() {
	cfg := defaults()
	settings, err := config.Load(&cfg, config.Source{
		EnvPrefix: "GAME_",
		Environ:   []string{"GAME_PORT=4000", "GAME_GREETING=welcome"},
		Args:      []string{"-port", "5000", "-ack-timeout", "2s"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.Port, cfg.AckTimeout, cfg.Greeting)
	fmt.Println("the port is from", settings.Get("port").Origin)
	fmt.Println("the greeting is from", settings.Get("greeting").Origin)
	// Output:
	// 5000 2s welcome
	// the port is from flag -port
	// the greeting is from environment variable GAME_GREETING
}

// A file in YAML has a secret's file, as container platforms mount them.
func ExampleLoad_file() {
	dir, err := os.MkdirTemp("", "game")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file, secret := filepath.Join(dir, "game.yaml"), filepath.Join(dir, "database")
	for path, text := range map[string]string{
		secret: "postgres://game:hunter2@db/game\n",
		file: "maxConnections: 20_000\n" +
			"allowedOrigins:\n- https://game.example\n" +
			"databaseFile: " + secret + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	cfg := defaults()
	if _, err := config.Load(&cfg, config.Source{File: file}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.MaxConnections, cfg.AllowedOrigins, cfg.Database)
	// Output: 20000 [https://game.example] postgres://game:hunter2@db/game
}

// An error names the place in which the value was given, and mistyped names are suggested.
func ExampleLoad_errors() {
	for _, args := range [][]string{
		{"-max-conections", "500"},
		{"-ack-timeout", "soon"},
	} {
		cfg := defaults()
		_, err := config.Load(&cfg, config.Source{Args: args})
		fmt.Println(err)
	}
	// Output:
	// unknown flag -max-conections: did you mean max-connections?
	// flag -ack-timeout: "soon" is no duration: write 30s, 1m30s or a number of milliseconds
}

// What the library refuses is told with the place where it was given, too.
func ExampleSettings_Error() {
	cfg := defaults()
	settings, err := config.Load(&cfg, config.Source{
		EnvPrefix: "GAME_", Environ: []string{"GAME_PORT=70000"},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = smartsocket.New(cfg.Options)
	var bad *smartsocket.OptionError
	if errors.As(err, &bad) {
		err = settings.Error(bad.Field, errors.New(bad.Fix))
	}
	fmt.Println(err)
	// Output:
	// environment variable GAME_PORT: 70000 is no port: use 1..65535, or -1 for any free one
}

// A reload reads into a fresh struct and tells what has changed.
func ExampleSettings_Changed() {
	cfg := defaults()
	before, err := config.Load(&cfg, config.Source{Args: []string{"-accept-rate", "100"}})
	if err != nil {
		log.Fatal(err)
	}
	cfg = defaults()
	after, err := config.Load(&cfg, config.Source{Args: []string{"-accept-rate", "200"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range after.Changed(before) {
		fmt.Println(s.Name, "is new, from", s.Origin)
	}
	// Output:
	// acceptRate is new, from flag -accept-rate
}

// -print-config=yaml prints what is in force, and where it came from. Secrets are hidden.
func ExampleSettings_Print() {
	cfg := struct {
		Port     int    `config:"port"`
		Database string `config:"database" secret:"url"`
	}{Port: 3000}
	settings, err := config.Load(&cfg, config.Source{
		EnvPrefix: "GAME_", Environ: []string{"GAME_DATABASE=postgres://game:hunter2@db/game"},
		Args: []string{"-print-config=yaml"},
	})
	if errors.Is(err, config.Print) {
		err = settings.Read()
	}
	if err != nil {
		log.Fatal(err)
	}
	settings.Print(os.Stdout)
	// Output:
	// port: 3000
	// database: "(hidden)" # from environment variable GAME_DATABASE
}
