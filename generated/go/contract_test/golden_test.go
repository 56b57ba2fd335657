// Package contract_test holds the Go package to the golden vectors that every language reads, and to the constraints.
package contract_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
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

// subjects are the constants of the package by the name of the message.
var subjects = map[protoreflect.FullName]string{
	"stock.allocation.v1.Allocated":            allocationv1.SubjectAllocated,
	"stock.allocation.v1.Backordered":          allocationv1.SubjectBackordered,
	"stock.allocation.v1.BatchCreated":         allocationv1.SubjectBatchCreated,
	"stock.allocation.v1.BatchQuantityChanged": allocationv1.SubjectBatchQuantityChanged,
	"stock.allocation.v1.Deallocated":          allocationv1.SubjectDeallocated,
	"stock.allocation.v1.OrderPlaced":          allocationv1.SubjectOrderPlaced,
	"stock.allocation.v1.OutOfStock":           allocationv1.SubjectOutOfStock,
	"stock.allocation.v1.Rejected":             allocationv1.SubjectRejected,
	"stock.allocation.v1.StockChanged":         allocationv1.SubjectStockChanged,
}

func TestEveryGoldenVectorDecodesToItsJSON(t *testing.T) {
	forEveryVector(t, func(t *testing.T, kind protoreflect.MessageType, vector vector) {
		printed, err := protojson.Marshal(decode(t, kind, vector))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(value(t, printed), value(t, vector.JSON)) {
			t.Errorf("decoded to\n%s\ninstead of\n%s", printed, vector.JSON)
		}
	})
}

func TestEveryGoldenJSONEncodesToItsWire(t *testing.T) {
	forEveryVector(t, func(t *testing.T, kind protoreflect.MessageType, vector vector) {
		if vector.Name == fromLaterVersion {
			return // JSON cannot hold a field that this version does not know
		}
		message := kind.New().Interface()
		if err := protojson.Unmarshal(vector.JSON, message); err != nil {
			t.Fatal(err)
		}
		wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(wire) != vector.Wire {
			t.Errorf("encoded to %x instead of %s", wire, vector.Wire)
		}
	})
}

func TestAGoldenZeroThatIsPresentIsNotAbsent(t *testing.T) {
	compared := 0
	forEveryFile(t, func(t *testing.T, kind protoreflect.MessageType, golden golden) {
		with, without := find(golden, zeroPresent), find(golden, nothingSet)
		if with == nil {
			return
		}
		if without == nil {
			t.Fatalf("%q has no %q beside it", zeroPresent, nothingSet)
		}
		field := kind.Descriptor().Fields().ByName("quantity")
		if field == nil {
			t.Fatal("it has no quantity")
		}
		if present := decode(t, kind, *with).ProtoReflect(); !present.Has(field) || present.Get(field).Int() != 0 {
			t.Error("a quantity of 0 that was sent is not there")
		}
		if decode(t, kind, *without).ProtoReflect().Has(field) {
			t.Error("a quantity that was not sent is there")
		}
		compared++
	})
	if compared == 0 {
		t.Errorf("no file holds %q", zeroPresent)
	}
}

func TestEveryGoldenSubjectIsItsConstant(t *testing.T) {
	var found []protoreflect.FullName
	forEveryFile(t, func(t *testing.T, kind protoreflect.MessageType, golden golden) {
		if golden.Subject != subjects[golden.Message] {
			t.Errorf("the constant is %q and the golden subject %q", subjects[golden.Message], golden.Subject)
		}
		event, _ := proto.GetExtension(kind.Descriptor().Options(), allocationv1.E_Event).(*allocationv1.EventOptions)
		if golden.Subject != event.GetSubject() {
			t.Errorf("the option says %q and the golden subject is %q", event.GetSubject(), golden.Subject)
		}
		if golden.Subject != "" {
			found = append(found, golden.Message)
		}
	})
	slices.Sort(found)
	if events := slices.Sorted(maps.Keys(subjects)); !slices.Equal(found, events) {
		t.Errorf("the files hold the events %v, the package has constants for %v", found, events)
	}
}

func TestEveryGoldenHeaderMeansItsAttribute(t *testing.T) {
	forEveryFile(t, func(t *testing.T, _ protoreflect.MessageType, golden golden) {
		if (golden.Subject == "") != (len(golden.Headers) == 0) {
			t.Fatal("an event, and nothing else, has headers")
		}
		attributes := map[string]string{}
		for name, header := range golden.Headers {
			if attribute, is := strings.CutPrefix(name, "ce-"); is {
				decoded, err := url.PathUnescape(header)
				if err != nil {
					t.Fatal(err)
				}
				attributes[attribute] = decoded
			}
		}
		if !maps.Equal(attributes, golden.Attributes) {
			t.Errorf("the headers mean %v instead of %v", attributes, golden.Attributes)
		}
		if golden.Subject != "" && attributes["type"] != string(golden.Message) {
			t.Errorf("the ce-type of %s is %q", golden.Message, attributes["type"])
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
