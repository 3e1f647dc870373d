package awstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// VersityGW starts versitygw and returns the configuration of a client. versitygw
// is an S3 server over a directory that supports all conditions, also on deletes,
// and verifies checksums and signatures. If secure is set, the client uses TLS, with
// a certificate that only this client trusts. It has no buckets at first.
func VersityGW(t testing.TB, secure bool) aws.Config {
	t.Helper()
	root, err := repositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(root, ".tools/bin/versitygw")
	if _, err := os.Stat(binary); err != nil {
		missing(t, "versitygw is not at "+binary, "cd "+root+" && make tools-conformance")
	}
	// Each call starts a new server, whose data are deleted after the test.
	dir, err := os.MkdirTemp("", "awstest-versitygw-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := Config("")
	name, scheme, listen := "versitygw-"+filepath.Base(dir), "http", []string{}
	if secure {
		scheme = "https"
		pool, files := certificate(t, dir)
		listen = files
		config.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	}
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	url, err := processes.start(name, scheme, func(port int) *exec.Cmd {
		args := append([]string{"--port", "127.0.0.1:" + strconv.Itoa(port), "--quiet"}, listen...)
		cmd := exec.Command(binary, append(args, "posix", tree)...)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY=AKIDEXAMPLE", "ROOT_SECRET_KEY=secretkey1", "VGW_REGION=us-east-1")
		return cmd
	})
	if err != nil {
		t.Fatalf("versitygw: %v", err)
	}
	config.BaseEndpoint = aws.String(url)
	return config
}

// certificate creates a certificate for 127.0.0.1. It returns a pool that trusts it
// and the flags that name its files.
func certificate(t testing.TB, dir string) (*x509.CertPool, []string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "awstest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, text := range map[string][]byte{certFile: cert, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(cert)
	return trusted, []string{"--cert", certFile, "--key", keyFile}
}
