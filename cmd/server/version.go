package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
)

// printVersion writes what this program is and how it was built.
func printVersion(w io.Writer) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	fmt.Fprint(w, describe(info))
}

// describe writes the version, the commit, the compiler and the profile that it optimised with.
func describe(info *debug.BuildInfo) string {
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := cmp.Or(settings["vcs.revision"], "unknown (built outside of its repository)")
	if at := settings["vcs.time"]; at != "" {
		commit += " of " + at
	}
	if settings["vcs.modified"] == "true" {
		commit += ", with changes"
	}
	profile := "no"
	if file := settings["-pgo"]; file != "" {
		profile = "yes (" + filepath.Base(file) + ")"
	}
	return fmt.Sprintf("smartsocket-server %s\ncommit  %s\ngo      %s %s/%s\nPGO     %s\n",
		cmp.Or(info.Main.Version, "(devel)"), commit, cmp.Or(info.GoVersion, runtime.Version()),
		runtime.GOOS, runtime.GOARCH, profile)
}
