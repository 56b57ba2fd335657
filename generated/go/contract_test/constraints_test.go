package contract_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

func TestConstraintsAreCheckedAndNameTheField(t *testing.T) {
	line := func(sku string, quantity int32) *allocationv1.OrderPlacedLine {
		return &allocationv1.OrderPlacedLine{Sku: sku, Quantity: quantity}
	}
	for name, example := range map[string]struct {
		message proto.Message
		broken  []string
	}{
		"a quantity that is left": {
			message: &allocationv1.BatchQuantityChanged{BatchReference: "batch-1", Quantity: proto.Int32(5)},
		},
		"nothing is left": {
			message: &allocationv1.BatchQuantityChanged{BatchReference: "batch-1", Quantity: proto.Int32(0)},
		},
		"an absent quantity never means 0": {
			message: &allocationv1.BatchQuantityChanged{BatchReference: "batch-1"},
			broken:  []string{"quantity"},
		},
		"less than nothing": {
			message: &allocationv1.BatchQuantityChanged{BatchReference: "batch-1", Quantity: proto.Int32(-1)},
			broken:  []string{"quantity"},
		},
		"nothing at all": {
			message: &allocationv1.BatchQuantityChanged{},
			broken:  []string{"batch_reference", "quantity"},
		},
		"an identifier of 128 characters": {
			message: &allocationv1.CreateBatchRequest{
				BatchReference: strings.Repeat("é", 128), Sku: "SMALL-TABLE", PurchasedQuantity: 1,
			},
		},
		"one of 129, and a control character": {
			message: &allocationv1.CreateBatchRequest{
				BatchReference: strings.Repeat("é", 129), Sku: "SMALL\nTABLE", PurchasedQuantity: 1,
			},
			broken: []string{"batch_reference", "sku"},
		},
		"a line without a name of its own": {
			message: &allocationv1.AllocateRequest{OrderId: "order-1", Sku: "SMALL-TABLE", Quantity: 1},
		},
		"the second line of an order": {
			message: &allocationv1.OrderPlaced{
				OrderId: "order-1", Lines: []*allocationv1.OrderPlacedLine{line("SMALL-TABLE", 1), line("RUG", 0)},
			},
			broken: []string{"lines[1].quantity"},
		},
		"an order without lines": {
			message: &allocationv1.OrderPlaced{OrderId: "order-1"},
			broken:  []string{"lines"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if fields := brokenFields(t, example.message); !slices.Equal(fields, example.broken) {
				t.Errorf("protovalidate names %q instead of %q", fields, example.broken)
			}
		})
	}
}

func brokenFields(t *testing.T, message proto.Message) []string {
	t.Helper()
	err := protovalidate.Validate(message)
	var invalid *protovalidate.ValidationError
	if err != nil && !errors.As(err, &invalid) {
		t.Fatalf("the constraints cannot be checked: %v", err)
	}
	if invalid == nil {
		return nil
	}
	var fields []string
	for _, violation := range invalid.Violations {
		fields = append(fields, protovalidate.FieldPathString(violation.Proto.GetField()))
	}
	return fields
}
