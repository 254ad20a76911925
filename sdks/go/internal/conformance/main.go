// The conformance suite by the Go client: see sdks/conformance/README.md. Ends with 1 when a scenario failed.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/norikv/norikv-go/norikvtest"
)

type object = map[string]interface{}

type result struct {
	Scenario string `json:"scenario"`
	Status   string `json:"status"`
	Detail   string `json:"detail"`
	Ms       int64  `json:"ms"`
}

var shared *norikvtest.Server

func main() {
	root := "../conformance"
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	results, failed := runAll(root)
	if shared != nil {
		shared.Close()
	}
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
	if needs, ok := scenario["needs"]; ok {
		return "not_runnable", fmt.Sprintf("needs a %s", needs)
	}
	server, own, err := serverFor(scenario)
	if err == nil {
		err = newRun(root, scenario, server).all()
	}
	if own && server != nil {
		server.Close()
	}
	if err == nil {
		return "passed", ""
	}
	if !own && shared != nil {
		// Perhaps it is stopped or frozen: the next scenario gets another.
		shared.Close()
		shared = nil
	}
	return "failed", err.Error()
}

func serverFor(scenario object) (server *norikvtest.Server, own bool, err error) {
	if wanted, ok := scenario["server"].(object); ok {
		options := norikvtest.Options{}
		if settings, ok := wanted["settings"]; ok {
			text, _ := json.Marshal(settings)
			options.Configuration = string(text)
		}
		server, err = norikvtest.Start(options)
		return server, true, err
	}
	if shared == nil {
		shared, err = norikvtest.Start(norikvtest.Options{})
	}
	return shared, false, err
}
