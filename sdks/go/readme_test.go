package norikv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/norikv/norikv-go/norikvtest"
)

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The real server, for one test.
func startServer(t *testing.T) *norikvtest.Server {
	t.Helper()
	if os.Getenv("NORIKV_SERVER") == "" {
		t.Skip("NORIKV_SERVER names no server program")
	}
	server, err := norikvtest.Start(norikvtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// The programs of the README and the examples run as they stand against the real server.
func TestTheProgramsOfTheReadmeAndTheExamplesRun(t *testing.T) {
	server := startServer(t)
	run := func(file, want string) {
		command := exec.Command("go", "run", file)
		command.Env = append(os.Environ(), "NORIKV_ADDR="+server.Address)
		if text, err := command.CombinedOutput(); err != nil || string(text) != want {
			t.Errorf("%s printed %s, %v", file, text, err)
		}
	}
	wanted := []string{"VERSION_MISMATCH\nuser:1 = Ada Lovelace\nAda Lovelace\n", "1 is still there\n"}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(mustRead(t, "README.md"), -1)
	if len(blocks) != len(wanted) {
		t.Fatalf("%d programs in the README", len(blocks))
	}
	for i, block := range blocks {
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, block[1], 0o644); err != nil {
			t.Fatal(err)
		}
		run(file, wanted[i])
	}
	run("examples/counter/main.go", "counted to 20\n")
}

// What the caller does between two pages is the caller's time.
func TestASlowReaderOfAScanReadsItAll(t *testing.T) {
	server := startServer(t)
	writer, err := Connect(WithAddresses(server.Address))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	const pairs = 12
	for i := 0; i < pairs; i++ {
		if _, err := writer.Put(context.Background(), []byte(fmt.Sprintf("slow-%02d", i)), make([]byte, 900_000)); err != nil {
			t.Fatal(err)
		}
	}
	reader, err := Connect(WithAddresses(server.Address), WithDeadline(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	pages := reader.Scan(context.Background(), Prefix([]byte("slow-")))
	read := 0
	for pages.Next() {
		if read++; read == 1 {
			time.Sleep(6 * time.Second)
		}
	}
	if pages.Err() != nil || read != pairs {
		t.Errorf("%d of %d pairs, %v", read, pairs, pages.Err())
	}
}
