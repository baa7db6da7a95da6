//go:build !linux && !darwin

package reactor

// The reactor runs on Linux, and for development on macOS. Elsewhere use a
// container or WSL; this undefined name makes the build stop here.
var _ = package_reactor_supports_only_linux_and_darwin
