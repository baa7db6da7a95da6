package reactor

import (
	"testing"

	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// TestMain checks that no goroutine of the package is left behind, and lets a test run itself again
// as a process of its own (see rerun).
func TestMain(m *testing.M) { leaktest.Main(m) }
