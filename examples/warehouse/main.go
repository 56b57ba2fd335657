// Warehouse reports water damage to the allocation service, by what it knows of the promises on its batches.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

type object map[string]any

var say = json.NewEncoder(os.Stdout).Encode // a line of JSON, at once: standard output has no buffer in Go

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	number, notNumber := strconv.ParseInt(os.Args[len(os.Args)-1], 10, 32)
	switch arguments := os.Args[1:]; {
	case len(arguments) == 2 && arguments[0] == "try":
		try(ctx, arguments[1])
	case len(arguments) == 3 && arguments[0] == "damage" && notNumber == nil:
		damage(ctx, &allocationv1.BatchQuantityChanged{BatchReference: arguments[1], Quantity: new(int32(number))})
	case len(arguments) == 4 && arguments[0] == "run" && notNumber == nil && number >= 0:
		run(ctx, arguments[1], must(open(arguments[2])), time.Now().Add(time.Duration(number)*time.Second))
	default:
		log.Printf("%q: use try NAME, damage BATCH_REFERENCE INT32, or run NAME STATE_FILE SECONDS (0 or more)", arguments)
		os.Exit(64)
	}
}

func try(ctx context.Context, name string) {
	connection := must(grpc.NewClient(cmp.Or(os.Getenv("GRPC_TARGET"), "127.0.0.1:50051"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// The deadline of every call; without one a call may wait for ever.
		grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "timeout": "5s"}]}`)))
	health := must(healthv1.NewHealthClient(connection).Check(ctx, &healthv1.HealthCheckRequest{}))
	say(object{"health": health.GetStatus().String()})
	service := allocationv1.NewAllocationServiceClient(connection)
	stock := &allocationv1.CreateBatchRequest{BatchReference: name + "-batch", Sku: name + "-sku", PurchasedQuantity: 10}
	batch := must(service.CreateBatch(ctx, stock)).GetBatch()
	say(object{"batch_reference": batch.GetBatchReference(), "purchased_quantity": batch.GetPurchasedQuantity()})
	order := &allocationv1.AllocateRequest{OrderId: name + "-1", Sku: name + "-sku", Quantity: 3}
	line := must(service.Allocate(ctx, order)).GetLine()
	say(object{"order_id": line.GetOrderId(), "line_id": line.GetLineId(),
		"state": line.GetState().String(), "batch_reference": line.GetBatchReference()})
	unknown := &allocationv1.AllocateRequest{OrderId: name + "-1", Sku: name + "-unknown", Quantity: 1}
	_, err := service.Allocate(ctx, unknown)
	refused := refusal(err)
	say(refused)
	if refused["reason"] != allocationv1.RejectionReason_REJECTION_REASON_UNKNOWN_SKU.String() {
		log.Fatalf("a sku that nobody ever bought was not refused as such: %v", err)
	}
}

func damage(ctx context.Context, event *allocationv1.BatchQuantityChanged) {
	if broken, is := errors.AsType[*protovalidate.ValidationError](protovalidate.Validate(event)); is {
		fields := []string{}
		for _, violation := range broken.Violations {
			fields = append(fields, protovalidate.FieldPathString(violation.Proto.GetField()))
		}
		say(object{"violations": fields})
		os.Exit(2)
	}
	stream := connect()
	defer stream.Conn().Close()
	acknowledged := must(publish(ctx, stream, uuid.NewString(), event))
	say(object{"subject": allocationv1.SubjectBatchQuantityChanged, "stream_sequence": acknowledged.Sequence})
}

// must ends the program on an error, that of a call with its code.
func must[T any](value T, err error) T {
	if err != nil {
		if _, ofCall := status.FromError(err); ofCall {
			say(refusal(err))
		}
		log.Fatal(err)
	}
	return value
}

// refusal says the code of a call and, from its details, the typed reason.
func refusal(err error) object {
	answer := object{"code": code.Code(status.Code(err)).String()}
	for _, detail := range status.Convert(err).Details() {
		if information, is := detail.(*errdetails.ErrorInfo); is {
			answer["reason"] = information.GetReason()
		}
	}
	return answer
}
