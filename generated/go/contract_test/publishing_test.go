package contract_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const program = `package main

import (
	"fmt"

	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

func main() { fmt.Print(allocationv1.SubjectAllocated) }
`

// A stranger has the module proxy alone: no clone, no replace directive.
func TestThePackageIsTakenFromAModuleProxy(t *testing.T) {
	version := module.Version{Path: "stock.example/allocation/generated/go", Version: "v0.1.0"}
	proxy, project := t.TempDir(), t.TempDir()
	publish(t, version, filepath.Join(proxy, filepath.FromSlash(version.Path), "@v"))
	write(t, filepath.Join(project, "main.go"), program)
	downloaded := filepath.Join(goEnvironment(t, "GOMODCACHE"), "cache", "download") // laid out as a proxy serves it
	goCommand := func(arguments ...string) string {
		command := exec.Command("go", arguments...)
		command.Dir = project
		command.Env = append(os.Environ(),
			"GOPROXY=file://"+proxy+",file://"+downloaded+","+goEnvironment(t, "GOPROXY"), // ours, then the default
			"GONOSUMDB=stock.example",                       // no checksum database knows a placeholder host
			"GOMODCACHE="+filepath.Join(project, "modules"), // what is published here must not stay in the user's own
			"GOFLAGS=-modcacherw -trimpath", "GOWORK=off",
		)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", arguments, err, output)
		}
		return string(output)
	}
	goCommand("mod", "init", "shop.example/orders")
	goCommand("get", version.Path+"/allocationv1@"+version.Version)
	goCommand("build", "-o", "program", ".")
	printed, err := exec.Command(filepath.Join(project, "program")).Output()
	if err != nil || string(printed) != "allocation.allocated" {
		t.Errorf("the program printed %q (%v)", printed, err)
	}
}

// publish lays the module out as a proxy serves it.
func publish(t *testing.T, version module.Version, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	information, err := json.Marshal(map[string]any{"Version": version.Version, "Time": time.Unix(0, 0).UTC()})
	if err != nil {
		t.Fatal(err)
	}
	description, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "list"), version.Version+"\n")
	write(t, filepath.Join(folder, version.Version+".info"), string(information))
	write(t, filepath.Join(folder, version.Version+".mod"), string(description))
	archive, err := os.Create(filepath.Join(folder, version.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := zip.CreateFromDir(archive, version, ".."); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func goEnvironment(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(value[:len(value)-1])
}
