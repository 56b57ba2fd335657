package contract_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

const (
	folder           = "../../../tests/golden/v1"
	fromLaterVersion = "from a later version"
	zeroPresent      = "zero that is present"
	nothingSet       = "nothing set"
	everythingSet    = "everything set"
)

// golden is one file: what tests/golden/README.md says.
type golden struct {
	Message    protoreflect.FullName `json:"message"`
	Subject    string                `json:"subject"`
	Headers    map[string]string     `json:"headers"`
	Attributes map[string]string     `json:"attributes"`
	Vectors    []vector              `json:"vectors"`
}

type vector struct {
	Name string          `json:"name"`
	Wire string          `json:"wire"`
	JSON json.RawMessage `json:"json"`
}

func TestEveryMessageHasItsGoldenFile(t *testing.T) {
	var found, expected []protoreflect.FullName
	forEveryFile(t, func(_ *testing.T, _ protoreflect.MessageType, golden golden) { found = append(found, golden.Message) })
	option := (*allocationv1.EventOptions)(nil).ProtoReflect().Descriptor() // describes the contract, and is never sent
	protoregistry.GlobalFiles.RangeFilesByPackage(option.ParentFile().Package(), func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			if message := file.Messages().Get(i); message != option {
				expected = append(expected, message.FullName())
			}
		}
		return true
	})
	slices.Sort(found)
	slices.Sort(expected)
	if !slices.Equal(found, expected) {
		t.Errorf("the files hold %v, the contract has %v", found, expected)
	}
}

func TestEveryGoldenFileHasTheVectorsThatSayMost(t *testing.T) {
	forEveryFile(t, func(t *testing.T, _ protoreflect.MessageType, golden golden) {
		for _, name := range []string{nothingSet, everythingSet, fromLaterVersion} {
			if find(golden, name) == nil {
				t.Errorf("it has no vector %q", name)
			}
		}
	})
}

func forEveryVector(t *testing.T, check func(*testing.T, protoreflect.MessageType, vector)) {
	t.Helper()
	forEveryFile(t, func(t *testing.T, kind protoreflect.MessageType, golden golden) {
		if len(golden.Vectors) == 0 {
			t.Fatal("it has no vectors")
		}
		for _, vector := range golden.Vectors {
			t.Run(vector.Name, func(t *testing.T) { check(t, kind, vector) })
		}
	})
}

func forEveryFile(t *testing.T, check func(*testing.T, protoreflect.MessageType, golden)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden vectors in %s (%v)", folder, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var golden golden
			decoder := json.NewDecoder(bytes.NewReader(content))
			decoder.DisallowUnknownFields() // a key that this test does not know is a promise that it does not check
			if err := decoder.Decode(&golden); err != nil {
				t.Fatal(err)
			}
			kind, err := protoregistry.GlobalTypes.FindMessageByName(golden.Message)
			if err != nil {
				t.Fatalf("the package has no message %q: %v", golden.Message, err)
			}
			check(t, kind, golden)
		})
	}
}

func find(golden golden, name string) *vector {
	for _, vector := range golden.Vectors {
		if vector.Name == name {
			return &vector
		}
	}
	return nil
}

func decode(t *testing.T, kind protoreflect.MessageType, vector vector) proto.Message {
	t.Helper()
	wire, err := hex.DecodeString(vector.Wire)
	if err != nil {
		t.Fatal(err)
	}
	message := kind.New().Interface()
	if err := proto.Unmarshal(wire, message); err != nil {
		t.Fatal(err)
	}
	return message
}

// value reads JSON to compare it: protojson varies its spaces on purpose.
func value(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}
