package loopback

import "testing"

func TestPeer(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:1": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"": false, "127.0.0.1": false, "localhost:80": false, "192.0.2.1:80": false, "[::ffff:192.0.2.1]:80": false, "0.0.0.0:80": false,
	} {
		if got := Peer(address); got != want {
			t.Errorf("Peer(%q) = %t", address, got)
		}
	}
}

func TestHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:4010": true, "127.0.0.1": true, "127.0.0.1:4010": true, "[::1]": true, "[::1]:4010": true, "::1": true,
		"": false, "evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example:80": false, "192.0.2.1": false, "0.0.0.0:80": false, ":80": false,
	} {
		if got := Host(host); got != want {
			t.Errorf("Host(%q) = %t", host, got)
		}
	}
}
