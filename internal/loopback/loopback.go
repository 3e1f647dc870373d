// Package loopback recognizes peers and host names that can only be this machine.
package loopback

import (
	"net"
	"net/netip"
	"strings"
)

// Peer reports whether an address of the form IP:port, as in http.Request.RemoteAddr, is
// on this machine.
func Peer(address string) bool {
	peer, err := netip.ParseAddrPort(address)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// Host reports whether a host, with or without a port as in http.Request.Host, is
// localhost or a loopback address.
func Host(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
