package awstest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// processes are the stand-ins that run outside the test binary.
var processes = &pool{byName: make(map[string]*process)}

type pool struct {
	mu     sync.Mutex
	byName map[string]*process
}

// A process is one running stand-in, or the error of its start.
type process struct {
	url string
	err error
	cmd *exec.Cmd
	end chan struct{} // closed when it has ended
	log *os.File
}

// url returns the URL of the named stand-in; the first call starts it. A failed
// start is not repeated: each test reports the same error.
func (p *pool) url(name string, command func(port int) *exec.Cmd) (string, error) {
	return p.start(name, "http", command)
}

func (p *pool) start(name, scheme string, command func(port int) *exec.Cmd) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	proc := p.byName[name]
	if proc == nil {
		proc = launch(name, scheme, command)
		p.byName[name] = proc
	}
	return proc.url, proc.err
}

func (p *pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, proc := range p.byName {
		proc.stop()
	}
	clear(p.byName)
}

// launch starts a stand-in on a free port. If another process takes the
// port first, the stand-in ends at once, and another port is tried.
func launch(name, scheme string, command func(port int) *exec.Cmd) *process {
	const attempts = 3
	var proc *process
	for range attempts {
		port, err := freePort()
		if err != nil {
			return &process{err: err}
		}
		proc = run(name, command(port))
		if proc.err != nil {
			return proc
		}
		url := scheme + "://127.0.0.1:" + strconv.Itoa(port)
		if proc.err = proc.await(url); proc.err == nil {
			proc.url = url
			return proc
		}
		proc.stop()
	}
	return proc
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

func run(name string, cmd *exec.Cmd) *process {
	log, err := os.CreateTemp("", "awstest-"+name+"-*.log")
	if err != nil {
		return &process{err: err}
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = endWithParent()

	proc := &process{cmd: cmd, log: log, end: make(chan struct{})}
	started := make(chan error)
	go func() {
		// For the kernel, the parent of a process is the thread that started it:
		// this thread must live as long as the process.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(proc.end)
	}()
	if err := <-started; err != nil {
		proc.err = fmt.Errorf("start %s: %w", name, err)
		proc.stop()
	}
	return proc
}

var errEnded = errors.New("the process ended")

// await waits until url responds over HTTP, while the process runs. It does not
// verify the certificate: the clients of tests do.
func (p *process) await(url string) error {
	const patience = 60 * time.Second
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case <-p.end:
			return fmt.Errorf("%w: %s", errEnded, p.outputEnd())
		case <-time.After(20 * time.Millisecond):
		}
		if res, err := client.Get(url); err == nil {
			_ = res.Body.Close()
			return nil
		}
	}
	return fmt.Errorf("%s did not respond within %v: %s", url, patience, p.outputEnd())
}

// outputEnd returns the end of the process's output.
func (p *process) outputEnd() string {
	const most = 800
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-most):]))
}

func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	if p.cmd.Process != nil {
		_ = p.cmd.Process.Kill()
	}
	<-p.end
	_ = p.log.Close()
	_ = os.Remove(p.log.Name())
	p.cmd = nil
}
