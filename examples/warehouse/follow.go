package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

// run follows events until ctx ends. The client connects again by itself; whatever else fails is tried again.
func run(ctx context.Context, name string, known *ledger, playsUntil time.Time) {
	stream := connect(nats.RetryOnFailedConnect(true), nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Printf("the broker is away: %v", err) }))
	defer stream.Conn().Close() // sends what it still holds, such as acks
	say(known.figures())
	for ctx.Err() == nil {
		consumer, err := stream.CreateOrUpdateConsumer(ctx, "ALLOCATION_EVENTS", jetstream.ConsumerConfig{
			Durable: name, AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
			AckWait: 10 * time.Second, // then what was not acked comes again
			FilterSubjects: []string{
				allocationv1.SubjectAllocated, allocationv1.SubjectDeallocated, allocationv1.SubjectStockChanged},
		})
		for err == nil && ctx.Err() == nil {
			err = turn(ctx, stream, consumer, known, time.Now().Before(playsUntil))
		}
		if errors.Is(err, jetstream.ErrInvalidConsumerName) {
			log.Fatal(err)
		} else if ctx.Err() == nil {
			log.Printf("following again in a second: %v", err)
			time.Sleep(time.Second)
		}
	}
}

// turn books a batch of messages and reports a damage: nothing is acked or published before the state is on the disk.
func turn(ctx context.Context, stream jetstream.JetStream, from jetstream.Consumer, known *ledger, plays bool) error {
	batch, err := from.Fetch(100, jetstream.FetchMaxWait(time.Second)) // bounded, on a dead connection too
	if err != nil {
		return err
	}
	var messages []jetstream.Msg
	for message := range batch.Messages() {
		known.take(message.Headers().Get("ce-id"), message.Headers().Get("ce-type"), message.Data())
		messages = append(messages, message)
	}
	if found := plays && known.findDamage(); found || len(messages) > 0 {
		must(known, known.save())
	}
	for _, message := range messages {
		_ = message.Ack() // if it gets lost the message comes again, and is dropped by its ce-id
	}
	if len(messages) > 0 {
		say(known.figures())
	}
	if known.DamageID == "" {
		return batch.Error()
	}
	// Killed before the state forgets it, it goes out again under the same ce-id, without effect.
	left := &allocationv1.BatchQuantityChanged{BatchReference: known.Damage.Batch, Quantity: &known.Damage.Units}
	if _, err := publish(ctx, stream, known.DamageID, left); err != nil {
		return err
	}
	known.DamageID = ""
	must(known, known.save())
	say(object{"damaged": known.Damage.Batch, "quantity": known.Damage.Units})
	return batch.Error()
}

func connect(more ...nats.Option) jetstream.JetStream {
	options := append(more, nats.MaxReconnects(-1), nats.PingInterval(2*time.Second)) // three pings find a dead connection
	return must(jetstream.New(must(nats.Connect(cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL), options...))))
}

// publish answers when the stream has the event.
func publish(ctx context.Context, to jetstream.JetStream, id string, event proto.Message) (*jetstream.PubAck, error) {
	message := nats.NewMsg(allocationv1.SubjectBatchQuantityChanged)
	message.Data = must(proto.Marshal(event))
	message.Header = nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {id}, jetstream.MsgIDHeader: {id}, "ce-source": {"/warehouse"},
		"ce-type": {string(proto.MessageName(event))}, "ce-datacontenttype": {"application/protobuf"},
	}
	return to.PublishMsg(ctx, message)
}
