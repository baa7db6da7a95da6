package smartsocket_test

import (
	"testing"

	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// TestMain checks that nothing of the package keeps running behind the tests.
func TestMain(m *testing.M) { leaktest.Main(m) }
