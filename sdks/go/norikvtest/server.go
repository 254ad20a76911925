// Package norikvtest runs the real server for a test: free ports of loopback, a temporary data directory, gone when closed.
package norikvtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say how a Server is started.
type Options struct {
	// Command is the server program with its first arguments; without it what NORIKV_SERVER names, separated by spaces, else norikv.
	Command []string
	// Configuration is the text of the server's configuration file, YAML or JSON.
	Configuration string
	// Arguments are further arguments of `norikv server`.
	Arguments []string
	// StartLimit is how long to wait until it serves; 60 s without it.
	StartLimit time.Duration
}

// Server is a server that can be stopped or killed and started again on the same ports and data. One goroutine at a time.
type Server struct {
	// Address is host:port of gRPC; the same over restarts.
	Address string
	// HTTPAddress is host:port of HTTP; the same over restarts.
	HTTPAddress string

	options Options
	folder  string
	process *exec.Cmd
	ended   chan struct{}
	mu      sync.Mutex
	output  []string
}

// Start starts a server and waits until it serves.
func Start(options Options) (*Server, error) {
	folder, err := os.MkdirTemp("", "norikv-ephemeral-")
	if err != nil {
		return nil, err
	}
	s := &Server{Address: "127.0.0.1:0", HTTPAddress: "127.0.0.1:0", options: options, folder: folder}
	if err := s.StartAgain(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// StartAgain starts it after Stop or Kill.
func (s *Server) StartAgain() error {
	if s.process != nil {
		return fmt.Errorf("the server runs already")
	}
	command := s.options.Command
	if len(command) == 0 {
		command = strings.Fields(os.Getenv("NORIKV_SERVER"))
	}
	if len(command) == 0 {
		command = []string{"norikv"}
	}
	arguments := append(append([]string{}, command[1:]...), "server")
	if s.options.Configuration != "" {
		path := filepath.Join(s.folder, "norikv.yaml")
		if err := os.WriteFile(path, []byte(s.options.Configuration), 0o600); err != nil {
			return err
		}
		arguments = append(arguments, path)
	}
	arguments = append(arguments,
		"--with-parent", "--data-dir", filepath.Join(s.folder, "data"), "--rpc-addr", s.Address, "--http-addr", s.HTTPAddress)
	process := exec.Command(command[0], append(arguments, s.options.Arguments...)...)
	// It ends with its standard input, whose other end is here: so it does not outlive a program that ends without Close.
	if _, err := process.StdinPipe(); err != nil {
		return err
	}
	reader, writer := io.Pipe()
	process.Stdout, process.Stderr = writer, writer
	if err := process.Start(); err != nil {
		return err
	}
	ready, ended := make(chan string, 1), make(chan struct{})
	s.process, s.ended = process, ended
	go s.read(reader, ready)
	go func() {
		_ = process.Wait()
		_ = writer.Close()
		close(ended)
	}()
	limit := s.options.StartLimit
	if limit == 0 {
		limit = time.Minute
	}
	select {
	case line := <-ready:
		for _, field := range strings.Fields(line) {
			if strings.HasPrefix(field, "rpc=") {
				s.Address = field[len("rpc="):]
			} else if strings.HasPrefix(field, "http=") {
				s.HTTPAddress = field[len("http="):]
			}
		}
		return nil
	case <-ended:
		s.process = nil
		return fmt.Errorf("the server ended before it served:\n%s", s.Output())
	case <-time.After(limit):
		s.Kill()
		return fmt.Errorf("the server did not serve within %s:\n%s", limit, s.Output())
	}
}

// Pid is the id of the running process; 0 when it does not run.
func (s *Server) Pid() int {
	if s.process == nil {
		return 0
	}
	return s.process.Process.Pid
}

// Output is the last lines that it printed.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.output, "\n")
}

// Stop asks it to stop (SIGTERM) and waits until it has.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends it at once, as a crash of the process would (SIGKILL).
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Close ends it and deletes its data.
func (s *Server) Close() {
	s.Kill()
	_ = os.RemoveAll(s.folder)
}

func (s *Server) end(signal syscall.Signal) {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(signal)
	<-s.ended
	s.process = nil
}

func (s *Server) read(lines io.Reader, ready chan<- string) {
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		s.mu.Lock()
		if s.output = append(s.output, scanner.Text()); len(s.output) > 200 {
			s.output = s.output[1:]
		}
		s.mu.Unlock()
		if strings.HasPrefix(scanner.Text(), "ready ") {
			ready <- scanner.Text()
		}
	}
	_, _ = io.Copy(io.Discard, lines)
}
