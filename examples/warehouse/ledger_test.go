package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	allocationv1 "stock.example/allocation/generated/go/allocationv1"
)

func allocated(sequence int64, batch string, quantity int32) *allocationv1.Allocated {
	return &allocationv1.Allocated{
		OrderId: "order-1", LineId: "RUG", Sku: "RUG", Quantity: quantity, BatchReference: batch, SkuSequence: sequence,
	}
}

func deallocated(sequence int64) *allocationv1.Deallocated {
	return &allocationv1.Deallocated{OrderId: "order-1", LineId: "RUG", Sku: "RUG", Quantity: 3, SkuSequence: sequence}
}

func holds(sequence int64, units int32) *allocationv1.StockChanged {
	return &allocationv1.StockChanged{BatchReference: "early", Sku: "RUG", PurchasedQuantity: units, SkuSequence: sequence}
}

func TestAnEventThatComesTwiceCountsOnce(t *testing.T) {
	known := fresh(t)
	take(t, known, "id-1", allocated(2, "early", 3))
	take(t, known, "id-1", allocated(2, "early", 3))
	expect(t, known, object{"lines": 1, "units": 3, "duplicates": 1, "stale": 0, "damages": 0})
}

func TestTheLatestTenThousandIdsAreRemembered(t *testing.T) {
	known := fresh(t)
	for number := range 10_001 {
		take(t, known, fmt.Sprint(number), holds(int64(number+1), 10))
	}
	take(t, known, "1", holds(2, 10))
	take(t, known, "0", holds(1, 10)) // forgotten, and still without effect
	expect(t, known, object{"lines": 0, "units": 0, "duplicates": 1, "stale": 1, "damages": 0})
}

func TestAnOlderPromiseNeverReplacesANewerOne(t *testing.T) {
	known := fresh(t)
	take(t, known, "id-3", deallocated(3))
	take(t, known, "id-2", allocated(2, "early", 3))
	take(t, known, "id-x", allocated(3, "early", 3))
	expect(t, known, object{"lines": 0, "units": 0, "duplicates": 0, "stale": 2, "damages": 0})
}

func TestALineThatMovesIsPromisedOnce(t *testing.T) {
	known := fresh(t)
	take(t, known, "id-2", allocated(2, "early", 3))
	take(t, known, "id-4", deallocated(4))
	take(t, known, "id-5", allocated(5, "late", 3))
	expect(t, known, object{"lines": 1, "units": 3, "duplicates": 0, "stale": 0, "damages": 0})
	if batch := known.Lines["RUG\norder-1\nRUG"].Batch; batch != "late" {
		t.Errorf("the line is promised to %q", batch)
	}
}

func TestWhatCannotBeUnderstoodIsIgnored(t *testing.T) {
	known := fresh(t)
	known.take("id-1", "stock.allocation.v9.Teleported", nil)
	known.take("id-2", "", []byte("no event at all"))
	known.take("id-3", "stock.allocation.v1.Allocated", []byte{0xff})
	take(t, known, "id-4", &allocationv1.OutOfStock{OrderId: "order-1", Sku: "RUG", SkuSequence: 9})
	expect(t, known, object{"lines": 0, "units": 0, "duplicates": 0, "stale": 0, "damages": 0})
}

func TestTheStateSurvivesARestart(t *testing.T) {
	known := fresh(t)
	take(t, known, "id-1", holds(1, 10))
	take(t, known, "id-2", allocated(2, "early", 3))
	if !known.findDamage() {
		t.Fatal("no damage was found")
	}
	if err := known.save(); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, known.file)
	if again.DamageID != known.DamageID || again.Damage != known.Damage {
		t.Errorf("the report %v became %v", known.Damage, again.Damage)
	}
	take(t, again, "id-2", allocated(2, "early", 3))
	take(t, again, "id-0", holds(1, 99))
	expect(t, again, object{"lines": 1, "units": 3, "duplicates": 1, "stale": 1, "damages": 1})
}

func TestAnEmptyStateFileIsAFreshStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, reopen(t, file), object{"lines": 0, "units": 0, "duplicates": 0, "stale": 0, "damages": 0})
}

func TestAStateThatWasBeingWrittenIsNotTakenForTheState(t *testing.T) {
	known := fresh(t)
	take(t, known, "id-2", allocated(2, "early", 3))
	if err := known.save(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(known.file+".new", []byte(`{"Seen": ["id-`), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, reopen(t, known.file), object{"lines": 1, "units": 3, "duplicates": 0, "stale": 0, "damages": 0})
}

func TestATornStateFileIsRefusedAndLeftAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, []byte(`{"Seen": ["id-`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(file); err == nil {
		t.Error("half a state was taken for a whole one")
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != `{"Seen": ["id-` {
		t.Errorf("the file became %q (%v)", content, err)
	}
}

func TestDamageTakesAThirdOfABatchThatHasPromises(t *testing.T) {
	for held, left := range map[int32]int32{1: 0, 2: 1, 3: 2, 10: 7, 100: 67} {
		known := fresh(t)
		take(t, known, "id-1", holds(1, held))
		if known.findDamage() {
			t.Fatalf("%v was found without any promise", known.Damage)
		}
		take(t, known, "id-2", allocated(2, "early", 1))
		if !known.findDamage() || known.Damage.Units != left || known.Damage.Batch != "early" {
			t.Errorf("of %d units %d are left, not %d", held, known.Damage.Units, left)
		}
	}
}

func TestThereIsOneReportAtATime(t *testing.T) {
	known := fresh(t)
	take(t, known, "id-1", holds(1, 10))
	take(t, known, "id-2", allocated(2, "early", 3))
	if !known.findDamage() || known.findDamage() {
		t.Error("a second damage was found while the first one is not in the stream")
	}
	known.DamageID = ""
	if known.findDamage() {
		t.Error("a second damage was found within a second")
	}
	expect(t, known, object{"lines": 1, "units": 3, "duplicates": 0, "stale": 0, "damages": 1})
}

func TestABatchThatHoldsNothingIsNotDamaged(t *testing.T) {
	known := fresh(t)
	take(t, known, "id-2", allocated(2, "early", 3))
	take(t, known, "id-3", holds(3, 0))
	if known.findDamage() {
		t.Errorf("%v was found", known.Damage)
	}
}

func fresh(t *testing.T) *ledger {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "state.json"))
}

func reopen(t *testing.T, file string) *ledger {
	t.Helper()
	known, err := open(file)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func take(t *testing.T, known *ledger, id string, event proto.Message) {
	t.Helper()
	payload, err := proto.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	known.take(id, string(proto.MessageName(event)), payload)
}

func expect(t *testing.T, known *ledger, figures object) {
	t.Helper()
	if found := known.figures()["figures"].(object); !maps.Equal(found, figures) {
		t.Errorf("the figures are %v instead of %v", found, figures)
	}
}
