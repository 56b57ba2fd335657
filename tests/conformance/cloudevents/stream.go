package main

import (
	"context"
	"fmt"
	"time"

	jetstream "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/nats-io/nats.go"
)

// received is an event of the stream as the SDK sees it.
type received struct {
	Sequence uint64 `json:"sequence"`
	Subject  string `json:"subject"`
	Encoding string `json:"encoding"`
	Read     view   `json:"read"`
	Decoded  view   `json:"decoded"`
	Payload  []byte `json:"payload"` // base64 in JSON
}

// readStream hands so many events to take, in the order of the stream, or fails when the context ends.
func readStream(ctx context.Context, asked options, take func(received) error) error {
	connection, err := nats.Connect(asked.url, nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("cannot connect to %s: %w", asked.url, err)
	}
	defer connection.Close()
	if err := mustExist(ctx, connection, asked.stream); err != nil {
		return err
	}
	consumer, err := jetstream.NewConsumerFromConn(connection, asked.stream, ">", nil, []nats.SubOpt{
		nats.BindStream(asked.stream), nats.OrderedConsumer(), nats.StartSequence(asked.from),
	})
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", asked.stream, err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		if err := consumer.OpenInbound(ctx); err != nil {
			stop(fmt.Errorf("cannot subscribe to %s: %w", asked.stream, err))
		}
	}()
	for number := range asked.count {
		message, err := consumer.Receive(ctx)
		if err != nil {
			return fmt.Errorf("read %d of %d events: %w", number, asked.count, context.Cause(ctx))
		}
		if err := deliver(ctx, message, take); err != nil {
			return err
		}
	}
	return nil
}

// mustExist looks before the SDK does: its consumer creates a stream that is missing.
func mustExist(ctx context.Context, connection *nats.Conn, stream string) error {
	manager, err := connection.JetStream()
	if err != nil {
		return err
	}
	if _, err := manager.StreamInfo(stream, nats.Context(ctx)); err != nil {
		return fmt.Errorf("cannot find the stream %s: %w", stream, err)
	}
	return nil
}

func deliver(ctx context.Context, message binding.Message, take func(received) error) error {
	raw, ok := message.(*jetstream.Message)
	if !ok {
		return fmt.Errorf("the SDK answered a %T", message)
	}
	place, err := raw.Msg.Metadata()
	if err != nil {
		return err
	}
	read, payload := viewOf(ctx, message)
	decoded, err := decodedView(ctx, raw)
	if err != nil {
		decoded = invalid(err)
	}
	if err := take(received{
		Sequence: place.Sequence.Stream,
		Subject:  raw.Msg.Subject,
		Encoding: message.ReadEncoding().String(),
		Read:     read,
		Decoded:  decoded,
		Payload:  payload,
	}); err != nil {
		return err
	}
	return message.Finish(nil)
}

// view is what the SDK made of one message's attributes.
type view struct {
	SpecVersion     string            `json:"specversion"`
	ID              string            `json:"id"`
	Source          string            `json:"source"`
	Type            string            `json:"type"`
	Subject         string            `json:"subject"`
	Time            string            `json:"time"`
	DataContentType string            `json:"datacontenttype"`
	DataSchema      string            `json:"dataschema"`
	Extensions      map[string]string `json:"extensions"`
	Invalid         string            `json:"invalid"` // why the SDK takes it for no CloudEvent; empty if it is one
}

func invalid(err error) view {
	return view{Extensions: map[string]string{}, Invalid: err.Error()}
}

func decodedView(ctx context.Context, raw *jetstream.Message) (view, error) {
	message, err := decodedMessage(raw.Msg)
	if err != nil {
		return view{}, err
	}
	seen, _ := viewOf(ctx, message)
	return seen, nil
}

// viewOf answers the attributes and the payload; of what is no event it answers why.
func viewOf(ctx context.Context, message binding.Message) (view, []byte) {
	event, err := binding.ToEvent(ctx, message)
	if err != nil {
		return invalid(err), nil
	}
	seen := view{
		SpecVersion:     event.SpecVersion(),
		ID:              event.ID(),
		Source:          event.Source(),
		Type:            event.Type(),
		Subject:         event.Subject(),
		DataContentType: event.DataContentType(),
		DataSchema:      event.DataSchema(),
		Extensions:      map[string]string{},
	}
	if !event.Time().IsZero() {
		seen.Time = event.Time().Format(time.RFC3339Nano)
	}
	for name, value := range event.Extensions() {
		seen.Extensions[name] = fmt.Sprint(value)
	}
	if err := event.Validate(); err != nil {
		seen.Invalid = err.Error()
	}
	return seen, event.Data()
}
