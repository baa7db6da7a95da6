//go:build !linux && !darwin

package reactor

// The reactor runs on Linux, and on macOS for development. Elsewhere use a container or WSL. This
// undefined name makes the build stop here.
var _ = package_reactor_supports_only_linux_and_darwin
