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

// A process is one running stand-in, or why it does not run.
type process struct {
	url string
	err error
	cmd *exec.Cmd
	end chan struct{} // closed when it has ended
	log *os.File
}

// url returns where the named stand-in listens; the first call starts it. A
// start that failed is not tried again: each test tells the same reason.
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

// launch starts a stand-in on a free port. Somebody else may take the port
// before it does; then it ends at once, and another port is tried.
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
	cmd.SysProcAttr = dieWithParent()

	proc := &process{cmd: cmd, log: log, end: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel takes the thread that started a process for its parent:
		// this one has to live as long as the process.
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

// await waits until something answers HTTP at url, while the process runs. Whom
// it speaks to over TLS is not checked: that is for the clients of tests.
func (p *process) await(url string) error {
	const patience = 60 * time.Second
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case <-p.end:
			return fmt.Errorf("%w: %s", errEnded, p.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
		if res, err := client.Get(url); err == nil {
			_ = res.Body.Close()
			return nil
		}
	}
	return fmt.Errorf("%s did not answer within %v: %s", url, patience, p.lastWords())
}

// lastWords is the end of what the process has printed.
func (p *process) lastWords() string {
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
