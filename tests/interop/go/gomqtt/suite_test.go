package gomqtt

import (
	"os"
	"testing"
	"time"

	"github.com/256dpi/gomqtt/spec"
)

// What gomqtt asks of a broker for MQTT 3.1.1, at ALLOW_URL; at DENY_URL nobody gets in.
func TestSuite(t *testing.T) {
	config := spec.AllFeatures()
	config.URL = os.Getenv("ALLOW_URL")
	config.DenyURL = os.Getenv("DENY_URL")
	config.ProcessWait = 200 * time.Millisecond
	config.MessageRetainWait = 200 * time.Millisecond
	config.NoMessageWait = 200 * time.Millisecond
	spec.Run(t, config)
}
