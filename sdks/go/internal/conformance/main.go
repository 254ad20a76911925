// The conformance suite by the Go client: see sdks/conformance/README.md. Ends with 1 when a scenario failed.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	norikv "github.com/norikv/norikv-go"
	"github.com/norikv/norikv-go/norikvtest"
)

type object = map[string]interface{}

type result struct {
	Scenario string `json:"scenario"`
	Status   string `json:"status"`
	Detail   string `json:"detail"`
	Ms       int64  `json:"ms"`
}

var (
	shared  *norikvtest.Server
	several *cluster // for all scenarios that want the same
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "soak" {
		if err := soak(number(os.Args[2]), strings.Split(os.Args[3], ",")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "orphan" {
		if err := orphan(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "bench" {
		if err := runBench(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	root := "../conformance"
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	results, failed := runAll(root)
	closeShared(false)
	closeShared(true)
	if path := os.Getenv("NORIKV_CONFORMANCE_RESULTS"); path != "" {
		text, _ := json.Marshal(object{"language": "go", "results": results})
		if err := os.WriteFile(path, text, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func runAll(root string) (results []result, failed bool) {
	only := os.Getenv("NORIKV_CONFORMANCE_ONLY")
	files, _ := filepath.Glob(filepath.Join(root, "scenarios", "*.json"))
	sort.Strings(files)
	if len(files) == 0 {
		fmt.Fprintln(os.Stderr, "no scenarios in "+root)
		return nil, true
	}
	for _, file := range files {
		var document struct{ Scenarios []object }
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &document)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return results, true
		}
		for _, scenario := range document.Scenarios {
			name := scenario["name"].(string)
			if only != "" && !strings.Contains(","+only+",", ","+name+",") {
				continue
			}
			begun := time.Now()
			status, detail := runOne(root, scenario)
			failed = failed || status == "failed"
			one := result{name, status, detail, time.Since(begun).Milliseconds()}
			fmt.Printf("%-12s %s (%d ms)%s\n", status, name, one.Ms, map[bool]string{true: ": " + detail}[detail != ""])
			results = append(results, one)
		}
	}
	return results, failed
}

func runOne(root string, scenario object) (string, string) {
	wanted, has := scenario["server"].(object)
	_, ofNodes := wanted["nodes"]
	err := func() error {
		if ofNodes {
			if err := ensureCluster(root, wanted); err != nil {
				return err
			}
			return newRun(root, scenario, nil, several).all()
		}
		server, err := serverFor(root, wanted, has)
		if err != nil {
			return err
		}
		if has {
			defer server.Close()
		}
		return newRun(root, scenario, server, nil).all()
	}()
	if err == nil {
		return "passed", ""
	}
	if ofNodes || !has { // perhaps it is stopped or frozen: the next scenario gets another
		closeShared(ofNodes)
	}
	return "failed", err.Error()
}

func serverFor(root string, wanted object, own bool) (server *norikvtest.Server, err error) {
	if own {
		absolute, err := filepath.Abs(root)
		if err != nil {
			return nil, err
		}
		options := norikvtest.Options{Configuration: strings.ReplaceAll(asText(wanted["settings"]), "{root}", absolute)}
		if flag(wanted, "scripted") {
			options.Command = []string{"/usr/bin/python3", filepath.Join(absolute, "scripted.py")}
		}
		return norikvtest.Start(options)
	}
	if shared == nil {
		shared, err = norikvtest.Start(norikvtest.Options{})
	}
	return shared, err
}

func ensureCluster(root string, wanted object) (err error) {
	if several != nil && several.wanted != asText(wanted) {
		closeShared(true)
	}
	if several == nil {
		if several, err = startCluster(root, wanted); err != nil {
			return err
		}
	}
	return several.tell("start stopped")
}

func closeShared(ofNodes bool) {
	if ofNodes && several != nil {
		several.close()
		several = nil
	}
	if !ofNodes && shared != nil {
		shared.Close()
		shared = nil
	}
}

// soak is writers against the nodes of NORIKV_ADDR until standard input ends; it prints what they saw.
func soak(count int, names []string) error {
	client, err := norikv.Connect(norikv.WithDeadline(10 * time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	var kinds []interface{}
	for _, name := range names {
		kinds = append(kinds, name)
	}
	w := startWriters(client, data{fmt.Sprintf("soak/go/%x/", time.Now().UnixNano())}, count, kinds)
	_, _ = io.Copy(io.Discard, os.Stdin)
	w.stop()
	writes, errs := 0, []string{}
	for _, done := range w.done {
		writes += done
	}
	for _, err := range w.errs {
		errs = append(errs, err.Error())
	}
	fmt.Println(asText(object{"language": "go", "writes": writes, "errors": errs, "lost": w.lost, "doubled": w.doubled}))
	return nil
}
