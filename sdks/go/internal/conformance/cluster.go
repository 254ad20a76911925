package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// cluster is the nodes of a scenario that needs several: a process of sdks/conformance/cluster.py that is told what to do with them.
type cluster struct {
	wanted    string
	addresses []string
	process   *exec.Cmd
	commands  io.WriteCloser
	answers   *bufio.Scanner
}

func startCluster(root string, wanted object) (*cluster, error) {
	settings := ""
	if text, ok := wanted["settings"]; ok {
		settings = asText(text)
	}
	process := exec.Command("/usr/bin/python3", filepath.Join(root, "cluster.py"), fmt.Sprint(number(wanted["nodes"])), settings)
	commands, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	c := &cluster{wanted: asText(wanted), process: process, commands: commands, answers: bufio.NewScanner(answers)}
	addresses, err := c.answer("ready ")
	if err != nil {
		c.close()
		return nil, err
	}
	c.addresses = strings.Split(addresses, ",")
	return c, nil
}

func (c *cluster) tell(command string) error {
	if _, err := fmt.Fprintln(c.commands, command); err != nil {
		return err
	}
	_, err := c.answer("ok")
	return err
}

func (c *cluster) answer(wanted string) (string, error) {
	c.answers.Scan()
	line := c.answers.Text()
	if !strings.HasPrefix(line, wanted) {
		return "", fmt.Errorf("the cluster: %s", line)
	}
	return line[len(wanted):], nil
}

func (c *cluster) close() {
	_ = c.commands.Close() // its end, and that of the nodes
	_ = c.process.Wait()
}

func asText(value interface{}) string {
	text, _ := json.Marshal(value)
	return string(text)
}
