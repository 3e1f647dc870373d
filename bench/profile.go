package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/blockforger/eventrouter/internal/app"
)

// envProfile names the file to which a process that serves events writes its profile.
const envProfile = "EVENTROUTER_BENCH_PROFILE"

// profiledEvents is how many events a profile is of.
const profiledEvents = 20_000

// profile writes a CPU profile of the function to a file: the compiler optimizes the
// function by it (make pgo). The function runs in a process of its own, so that the
// services that it calls are not in the profile.
func profile(ctx context.Context, out string) error {
	files, err := sampleFiles()
	if err != nil {
		return err
	}
	service, key, err := newAWS(ctx, files, false)
	if err != nil {
		return err
	}
	defer service.Close()
	env, err := functionEnvironment(service)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f, err := startFunction(self, append(env, envProfile+"="+out))
	if err != nil {
		return err
	}
	for i := range profiledEvents {
		if err := f.invoke(event(key, i)); err != nil {
			f.stop()
			return err
		}
		if i%1000 == 0 {
			service.reset()
		}
	}
	if err := f.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	for range 100 { // until the profile is written and the process has ended
		if f.cmd.Process.Signal(syscall.Signal(0)) != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
		if info, err := os.Stat(out); err == nil && info.Size() > 0 {
			break
		}
	}
	f.stop()
	info, err := os.Stat(out)
	if err != nil || info.Size() == 0 {
		return fmt.Errorf("no profile was written to %s", out)
	}
	return nil
}

// serveProfiled is the function's main with a profile, which is written at SIGTERM.
func serveProfiled(out string) error {
	config, err := app.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	temporary, err := os.Create(out + ".new")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(temporary); err != nil {
		return err
	}
	config.LogTo(os.Stdout)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go awslambda.Start(app.New(config).Handler(os.Stdout))
	<-ended
	pprof.StopCPUProfile()
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(out+".new", out)
}
