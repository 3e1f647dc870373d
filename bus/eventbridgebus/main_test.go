package eventbridgebus_test

import (
	"os"
	"testing"

	"github.com/blockforger/eventrouter/internal/awstest"
)

func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }
