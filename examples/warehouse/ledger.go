package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/anypb"
	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

// ledger is what the warehouse knows from the events, as the state file keeps it.
type ledger struct {
	file                       string
	Seen                       []string // the latest ce-ids in order
	Lines, Batches             map[string]standing
	Duplicates, Stale, Damages int
	Damage                     standing // what is left of a batch; with a DamageID it may not be in the stream yet
	DamageID                   string
	damagedAt                  time.Time
}

// standing is what a line is promised, or what a batch holds, since the event of that sku_sequence.
type standing struct {
	Sequence int64
	Units    int32
	Batch    string
}

// open reads the state file; a missing or empty one is a fresh start.
func open(file string) (*ledger, error) {
	known := &ledger{file: file, Lines: map[string]standing{}, Batches: map[string]standing{}}
	content, err := os.ReadFile(file)
	if len(content) > 0 {
		err = json.Unmarshal(content, known)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("state file %s: %w", file, err)
	}
	return known, known.save() // one that cannot be written is found now
}

// save replaces the state file: a kill leaves the old one or the new one.
func (known *ledger) save() error {
	file, err := os.Create(known.file + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(json.NewEncoder(file).Encode(known), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), known.file)
}

// take books an event. What cannot be understood is ignored: it would be no clearer if it came again.
func (known *ledger) take(id, name string, payload []byte) {
	event, err := (&anypb.Any{TypeUrl: "/" + name, Value: payload}).UnmarshalNew() // finds the message by its name
	if err != nil {
		log.Printf("ignored: ce-id %q, ce-type %q: %v", id, name, err)
		return
	}
	if slices.Contains(known.Seen, id) {
		known.Duplicates++
		return
	}
	known.Seen = append(known.Seen, id)
	known.Seen = known.Seen[max(0, len(known.Seen)-10_000):]
	switch event := event.(type) {
	case *allocationv1.Allocated:
		now := standing{event.GetSkuSequence(), event.GetQuantity(), event.GetBatchReference()}
		known.book(known.Lines, now, event.GetSku(), event.GetOrderId(), event.GetLineId())
	case *allocationv1.Deallocated:
		now := standing{Sequence: event.GetSkuSequence()}
		known.book(known.Lines, now, event.GetSku(), event.GetOrderId(), event.GetLineId())
	case *allocationv1.StockChanged:
		now := standing{Sequence: event.GetSkuSequence(), Units: event.GetPurchasedQuantity()}
		known.book(known.Batches, now, event.GetBatchReference())
	}
}

// book keeps the newest: messages may come in any order.
func (known *ledger) book(book map[string]standing, now standing, names ...string) {
	key := strings.Join(names, "\n") // which no identifier holds
	if now.Sequence <= book[key].Sequence {
		known.Stale++
		return
	}
	book[key] = now
}

// findDamage decides, once a second, what is left of a batch that has promises: Go goes through a map in random order.
func (known *ledger) findDamage() bool {
	for _, line := range known.Lines {
		held := known.Batches[line.Batch].Units
		if line.Units > 0 && held > 0 && known.DamageID == "" && time.Since(known.damagedAt) > time.Second {
			known.Damage, known.DamageID = standing{Batch: line.Batch, Units: held - max(1, held/3)}, uuid.NewString()
			known.damagedAt = time.Now()
			known.Damages++
			return true
		}
	}
	return false
}

func (known *ledger) figures() object {
	lines, units := 0, 0
	for _, line := range known.Lines {
		if line.Units > 0 {
			lines++
			units += int(line.Units)
		}
	}
	return object{"figures": object{"lines": lines, "units": units,
		"duplicates": known.Duplicates, "stale": known.Stale, "damages": known.Damages}}
}
