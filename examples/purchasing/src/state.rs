//! What purchasing knows and decides; no server is needed to try it.
use anyhow::{Context, Result};
use indexmap::IndexSet;
use prost::{Message, Name};
use prost_types::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime};
use std::{collections::BTreeMap, fs, io, io::Write, path::Path};
use stock_allocation_contract::{
    Allocated, Backordered, BatchCreated, Deallocated, OutOfStock, StockChanged, Validate,
};

#[derive(Default, Serialize, Deserialize)]
pub struct State {
    seen: IndexSet<String>,
    skus: BTreeMap<String, Sku>,
    duplicates: u64,
    stale: u64,
    purchases: u64,
    pub unpublished: Vec<Vec<u8>>, // purchases that were decided, each as it goes over the wire
}

#[derive(Default, Serialize, Deserialize)]
struct Sku {
    lines: BTreeMap<String, Line>,
    refused_units: i64, // since the last purchase
    latest_sequence: i64,
    bought_sequence: i64, // the latest one at the last purchase
    #[serde(skip)]
    bought_at: Option<Instant>,
}

#[derive(Default, Serialize, Deserialize)]
struct Line {
    sequence: i64,
    promised: i32,
    waiting: i32,
}

impl State {
    pub fn load(file: &Path) -> Result<Self> {
        let read = fs::read(file).or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(vec![]) } else { Err(e) })?;
        let state = if read.is_empty() { Ok(Self::default()) } else { serde_json::from_slice(&read) };
        state.with_context(|| format!("{} is not what this program wrote", file.display()))
    }

    /// Whoever reads the file finds the old state or the new one, never a part.
    pub fn save(&self, file: &Path) -> Result<()> {
        let beside = format!("{}.new", file.display());
        let mut writer = fs::File::create(&beside)?;
        writer.write_all(&serde_json::to_vec(self)?)?;
        writer.sync_all()?;
        Ok(fs::rename(beside, file)?)
    }

    pub fn figures(&self) -> Value {
        let lines = || self.skus.values().flat_map(|sku| sku.lines.values());
        let (promised, waiting) = (lines().filter(|l| l.promised > 0), lines().filter(|l| l.waiting > 0).count());
        let units: i64 = promised.clone().map(|line| i64::from(line.promised)).sum();
        let (lines, duplicates, stale, purchases) = (promised.count(), self.duplicates, self.stale, self.purchases);
        json!({"figures": {"lines": lines, "units": units, "duplicates": duplicates, "stale": stale,
            "purchases": purchases, "waiting": waiting}})
    }

    pub fn apply(&mut self, id: &str, kind: &str, wire: &[u8]) -> Result<()> {
        macro_rules! line {
            ($event:ident) => {
                $event::decode(wire).map(|e| (e.sku, [e.order_id, e.line_id], e.quantity, e.sku_sequence))?
            };
        }
        let kind = kind.strip_prefix("stock.allocation.v1.").unwrap_or_default();
        let (sku, line, quantity, sequence) = match kind {
            Allocated::NAME => line!(Allocated),
            Deallocated::NAME => line!(Deallocated),
            Backordered::NAME => line!(Backordered),
            OutOfStock::NAME => line!(OutOfStock),
            // Ordered by its batch, as the others are by their line.
            StockChanged::NAME => {
                StockChanged::decode(wire).map(|e| (e.sku, [e.batch_reference, String::new()], 0, e.sku_sequence))?
            }
            _ => return Ok(()), // of a later version
        };
        if !id.is_empty() && !self.seen.insert(id.to_owned()) {
            self.duplicates += 1;
            return Ok(());
        } else if self.seen.len() > 10_000 {
            self.seen.shift_remove_index(0);
        }
        let sku = self.skus.entry(sku).or_default();
        let line = sku.lines.entry(json!(line).to_string()).or_default();
        if sequence <= line.sequence {
            self.stale += 1;
            return Ok(());
        }
        let if_it_is = |name| if kind == name { quantity } else { 0 };
        *line = Line { sequence, promised: if_it_is(Allocated::NAME), waiting: if_it_is(Backordered::NAME) };
        sku.refused_units += i64::from(if_it_is(OutOfStock::NAME));
        sku.latest_sequence = sku.latest_sequence.max(sequence);
        Ok(())
    }

    /// Buys ten times what is missing of each sku, if anything has happened to it since its last purchase. That one has two
    /// seconds to arrive: its stock and the lines that get some of it are events of their own, and a burst is one purchase.
    pub fn buy(&mut self, now: Instant) {
        for (sku, known) in &mut self.skus {
            let units = known.refused_units + known.lines.values().map(|line| i64::from(line.waiting)).sum::<i64>();
            let may_arrive = known.bought_at.is_some_and(|then| now - then < Duration::from_secs(2));
            if units == 0 || may_arrive || known.latest_sequence == known.bought_sequence {
                continue;
            }
            (known.refused_units, known.bought_sequence, known.bought_at) = (0, known.latest_sequence, Some(now));
            let midnight = (Timestamp::from(SystemTime::now()).seconds / 86_400 + 3) * 86_400;
            let is_second = !self.purchases.is_multiple_of(2);
            let purchase = BatchCreated {
                batch_reference: format!("purchase-{sku}-{}", known.latest_sequence),
                sku: sku.clone(),
                purchased_quantity: i32::try_from(units * 10).unwrap_or(i32::MAX),
                eta: is_second.then_some(Timestamp { seconds: midnight, nanos: 0 }),
            };
            if let Err(broken) = purchase.validate() {
                eprintln!("cannot be bought, {sku}: {broken}"); // there is no room for such a sku in the reference
                continue;
            }
            self.purchases += 1;
            self.unpublished.push(purchase.encode_to_vec());
        }
    }
}
