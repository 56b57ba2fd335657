//! Purchasing buys what is missing. This is what it does; `state` is what it knows and decides, `ask` how it asks by RPC.
mod ask;
mod state;
#[cfg(test)]
mod tests;

use anyhow::{Context as _, Result};
use async_nats::jetstream::{self, Context as Broker, consumer::pull};
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::{StreamExt, future::try_join_all};
use prost::{Message, Name};
use serde_json::json;
use std::{convert::Infallible, env, path::Path, process::ExitCode, time::Duration, time::Instant};
use stock_allocation_contract::subjects::{
    ALLOCATED, BACKORDERED, BATCH_CREATED, BATCH_QUANTITY_CHANGED, DEALLOCATED, OUT_OF_STOCK, STOCK_CHANGED,
};
use stock_allocation_contract::{BatchCreated, BatchQuantityChanged, Validate, Violation};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["try", name] => Ok(ask::call(name).await.map_or_else(|status| ask::failed(&status), |()| ExitCode::SUCCESS)),
        ["damage", batch, quantity] if quantity.parse::<i32>().is_ok() => report_damage(batch, quantity.parse()?).await,
        ["run", name, file, seconds] => run(name, file.as_ref(), Duration::try_from_secs_f64(seconds.parse()?)?).await,
        _ => {
            eprintln!("purchasing try NAME | damage BATCH_REFERENCE QUANTITY (an int32) | run NAME STATE_FILE SECONDS");
            Ok(ExitCode::from(64))
        }
    }
}

async fn report_damage(batch_reference: &str, quantity: i32) -> Result<ExitCode> {
    let event = BatchQuantityChanged { batch_reference: batch_reference.to_owned(), quantity: Some(quantity) };
    if let Err(broken) = event.validate() {
        let fields: Vec<_> = broken.violations().iter().map(Violation::field_path).collect();
        println!("{}", json!({"violations": fields}));
        return Ok(ExitCode::from(2));
    }
    let stream_sequence = publish(&connect().await?, BATCH_QUANTITY_CHANGED, &event).await?;
    println!("{}", json!({"subject": BATCH_QUANTITY_CHANGED, "stream_sequence": stream_sequence}));
    Ok(ExitCode::SUCCESS)
}

/// Connects now or as soon as there is a broker, again and again; one that is silent for 6 seconds counts as away.
async fn connect() -> Result<Broker> {
    let url = env::var("NATS_URL").unwrap_or("nats://127.0.0.1:4222".into());
    let options = ConnectOptions::new().retry_on_initial_connect().ping_interval(2 * SECOND);
    Ok(jetstream::new(options.connect(&url).await.context(url)?))
}

/// Waits until the stream has the event, and answers its place there.
async fn publish<E: Name>(broker: &Broker, subject: &'static str, event: &E) -> Result<u64> {
    let mut headers = HeaderMap::new();
    let id = uuid::Uuid::new_v4().to_string();
    headers.insert("Nats-Msg-Id", id.as_str()); // a second one of the same id would not be stored
    headers.insert("ce-id", id);
    headers.insert("ce-type", E::full_name());
    headers.insert("ce-source", "/purchasing");
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-datacontenttype", "application/protobuf");
    Ok(broker.publish_with_headers(subject, headers, event.encode_to_vec().into()).await?.await?.sequence)
}

async fn run(name: &str, state_file: &Path, plays: Duration) -> Result<ExitCode> {
    let started = Instant::now();
    println!("{}", state::State::load(state_file)?.figures());
    let broker = connect().await?;
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let work = async {
        loop {
            let Err(error) = follow(&broker, name, state_file, || started.elapsed() < plays).await;
            eprintln!("waiting a second: {error:#}");
            sleep(SECOND).await;
        }
    };
    tokio::select! { () = work => {}, _ = terminated.recv() => {}, _ = interrupted.recv() => {} }
    Ok(ExitCode::SUCCESS)
}

/// Follows until something fails. It begins with what is on the disk: what was not written was not acked, and comes again.
async fn follow(broker: &Broker, name: &str, file: &Path, playing: impl Fn() -> bool) -> Result<Infallible> {
    let mut state = state::State::load(file)?;
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subjects: [ALLOCATED, DEALLOCATED, BACKORDERED, OUT_OF_STOCK, STOCK_CHANGED].map(Into::into).into(),
        ack_wait: 10 * SECOND,
        ..Default::default() // explicit ack, deliver all
    };
    let consumer = broker.create_consumer_on_stream(config, "ALLOCATION_EVENTS").await?; // or updates it
    // Fails when no heartbeat came for twice its time.
    let pulled = consumer.stream().max_messages_per_batch(100).expires(10 * SECOND).heartbeat(2 * SECOND);
    let mut batches = pulled.messages().await?.ready_chunks(100);
    loop {
        let batch = match timeout(SECOND / 4, batches.next()).await {
            Ok(batch) => batch.context("the messages ended")?.into_iter().collect::<Result<Vec<_>, _>>()?,
            Err(_nothing_new) => Vec::new(),
        };
        for message in &batch {
            let header = |name| Some(message.headers.as_ref()?.get(name)?.as_str());
            let (id, kind) = (header("ce-id").unwrap_or_default(), header("ce-type").unwrap_or_default());
            if let Err(error) = state.apply(id, kind, &message.payload) {
                eprintln!("ignored, {}: {error:#}", message.subject);
            }
        }
        if playing() {
            state.buy(Instant::now());
        }
        if batch.is_empty() && state.unpublished.is_empty() {
            continue;
        }
        // Written, then done, then acked: after a kill the same purchase is published again, which changes nothing.
        state.save(file)?;
        while let Some(wire) = state.unpublished.first() {
            let purchase = BatchCreated::decode(wire.as_slice())?;
            publish(broker, BATCH_CREATED, &purchase).await?;
            let BatchCreated { batch_reference, sku, purchased_quantity: quantity, .. } = purchase;
            println!("{}", json!({"batch_reference": batch_reference, "sku": sku, "quantity": quantity}));
            state.unpublished.remove(0);
            state.save(file)?;
        }
        let acks = try_join_all(batch.iter().map(jetstream::Message::ack));
        timeout(5 * SECOND, acks).await?.map_err(anyhow::Error::from_boxed)?;
        println!("{}", state.figures());
    }
}
