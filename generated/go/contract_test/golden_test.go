// Package contract_test holds the Go package to the golden vectors that every language reads, and to the constraints.
package contract_test

import (
	"encoding/hex"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

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
