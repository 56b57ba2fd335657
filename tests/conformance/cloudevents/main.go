// Prints what the CNCF's CloudEvents SDK reads from the service's event stream: one JSON line an event.
//
// Each line has the context attributes twice: as the SDK reads the NATS headers ("read"), and as it reads them when the header
// values are decoded first ("decoded"), which the NATS binding asks of a receiver and the SDK leaves out (see decode.go).
// Both are validated by the SDK. It ends after -count events, or fails at the -deadline.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

type options struct {
	url      string
	stream   string
	from     uint64
	count    int
	deadline time.Duration
}

func main() {
	asked, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(asked)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cloudevents:", err)
		os.Exit(1)
	}
}

func parse(arguments []string) (options, error) {
	var asked options
	flags := flag.NewFlagSet("cloudevents", flag.ContinueOnError)
	flags.StringVar(&asked.url, "nats", "nats://127.0.0.1:4222", "where the broker listens")
	flags.StringVar(&asked.stream, "stream", "ALLOCATION_EVENTS", "the stream to read")
	flags.Uint64Var(&asked.from, "from", 1, "the sequence in the stream to begin at")
	flags.IntVar(&asked.count, "count", 1, "how many events to read")
	flags.DurationVar(&asked.deadline, "deadline", 20*time.Second, "how long that may take")
	if err := flags.Parse(arguments); err != nil {
		return asked, err
	}
	switch {
	case flags.NArg() > 0:
		return asked, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case asked.from < 1:
		return asked, fmt.Errorf("-from is %d; the first sequence of a stream is 1", asked.from)
	case asked.count < 1:
		return asked, fmt.Errorf("-count is %d; at least 1 event has to be read", asked.count)
	case asked.deadline <= 0:
		return asked, fmt.Errorf("-deadline is %s; it has to be above 0", asked.deadline)
	}
	return asked, nil
}

func run(asked options) error {
	ctx, cancel := context.WithTimeout(context.Background(), asked.deadline)
	defer cancel()
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	return readStream(ctx, asked, func(one received) error { return output.Encode(one) })
}
