package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/norikv/norikv-go/norikvtest"
)

// outlived runs a program of its own that starts a server and ends: the server ends, too.
func outlived(how string) error {
	program := exec.Command(os.Args[0], "orphan", how)
	program.Stderr = os.Stderr
	output, err := program.StdoutPipe()
	if err != nil {
		return err
	}
	if err := program.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(output)
	lines.Scan()
	server, err := strconv.Atoi(lines.Text())
	if err != nil {
		return err
	}
	if signal, ok := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[how]; ok {
		_ = program.Process.Signal(signal)
	}
	_ = program.Wait()
	for begun := time.Now(); isAlive(server); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			_ = syscall.Kill(server, syscall.SIGKILL)
			return fmt.Errorf("the server outlived its program (%s)", how)
		}
	}
	return nil
}

func isAlive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && stat[strings.LastIndexByte(string(stat), ')')+2] != 'Z'
}

func orphan(how string) error {
	server, err := norikvtest.Start(norikvtest.Options{})
	if err != nil {
		return err
	}
	fmt.Println(server.Pid())
	if how == "exit" {
		os.Exit(0)
	}
	time.Sleep(10 * time.Minute)
	return nil
}
