package contract_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

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

func TestAnEventAndNoOtherGoldenMessageHasAnEnvelope(t *testing.T) {
	forEveryFile(t, func(t *testing.T, kind protoreflect.MessageType, golden golden) {
		isEvent := proto.HasExtension(kind.Descriptor().Options(), allocationv1.E_Event)
		for key, present := range map[string]bool{
			"subject":    golden.Subject != "",
			"headers":    len(golden.Headers) > 0,
			"attributes": len(golden.Attributes) > 0,
		} {
			if present != isEvent {
				t.Errorf("event: %t, with %s: %t", isEvent, key, present)
			}
		}
	})
}

func TestEveryGoldenHeaderMeansItsAttribute(t *testing.T) {
	forEveryFile(t, func(t *testing.T, _ protoreflect.MessageType, golden golden) {
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
		if golden.Subject == "" {
			return // what is no event has no headers
		}
		if golden.Headers["ce-type"] != string(golden.Message) {
			t.Errorf("the ce-type of %s is %q", golden.Message, golden.Headers["ce-type"])
		}
		if id := golden.Headers["ce-id"]; id == "" || golden.Headers["Nats-Msg-Id"] != id {
			t.Errorf("the Nats-Msg-Id is %q and the ce-id %q", golden.Headers["Nats-Msg-Id"], id)
		}
	})
}
