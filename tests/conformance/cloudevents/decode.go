package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	jetstream "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/nats-io/nats.go"
)

const prefix = "ce-"

// decodedMessage gives a message to the SDK with the values of its attributes decoded, as section 3.1.3.2 of the NATS binding
// (1.0.3) asks of every receiver: quotes are taken away first, then percent-encoding, once.
//
// The SDK's JetStream protocol (2.16.2) neither encodes nor decodes: of a subject "a b" that was sent as the binding asks it
// hands out "a%20b". Its HTTP protocol, whose binding has the same rule, does neither too; both are reported upstream. The
// sender is right: headers are printable ASCII by the binding, and "MUST be percent-encoded" leaves no choice. A Go consumer
// that uses this SDK and meets awkward names does what is done here.
func decodedMessage(raw *nats.Msg) (*jetstream.Message, error) {
	headers := nats.Header{}
	for name, values := range raw.Header {
		for _, value := range values {
			if strings.HasPrefix(name, prefix) {
				plain, err := decoded(value)
				if err != nil {
					return nil, fmt.Errorf("the header %s is %q: %w", name, value, err)
				}
				value = plain
			}
			headers.Add(name, value)
		}
	}
	return jetstream.NewMessage(&nats.Msg{
		Subject: raw.Subject, Reply: raw.Reply, Header: headers, Data: raw.Data, Sub: raw.Sub,
	}), nil
}

var escaped = regexp.MustCompile(`\\(.)`)

func decoded(value string) (string, error) {
	if len(value) >= 2 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
		value = escaped.ReplaceAllString(value[1:len(value)-1], "$1")
	}
	plain, err := url.PathUnescape(value)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(plain) {
		return "", fmt.Errorf("no UTF-8 once decoded")
	}
	return plain, nil
}
