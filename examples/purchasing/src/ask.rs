//! Asks the service by RPC, every call with a deadline.
use heck::ToShoutySnakeCase;
use serde_json::json;
use std::{env, process::ExitCode, time::Duration};
use stock_allocation_contract::allocation_service_client::AllocationServiceClient;
use stock_allocation_contract::{AllocateRequest, CreateBatchRequest, RejectionReason};
use tonic::{Code, Request, Status, TimeoutExpired, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;

const DEADLINE: Duration = Duration::from_secs(5);

pub async fn call(name: &str) -> Result<(), Status> {
    let target = env::var("GRPC_TARGET").unwrap_or("127.0.0.1:50051".into());
    let endpoint =
        Endpoint::from_shared(format!("http://{target}")).map_err(|e| Status::invalid_argument(e.to_string()))?;
    let channel = endpoint.connect_timeout(DEADLINE).connect_lazy();
    let with_deadline = |mut request: Request<()>| {
        request.set_timeout(DEADLINE); // goes along with the call, and holds here too if nobody answers
        Ok(request)
    };
    let mut health = HealthClient::with_interceptor(channel.clone(), with_deadline);
    let mut service = AllocationServiceClient::with_interceptor(channel, with_deadline);
    let answer = health.check(HealthCheckRequest::default()).await?.into_inner();
    println!("{}", json!({"health": answer.status().as_str_name()}));
    let (batch_reference, sku) = (format!("{name}-batch"), format!("{name}-sku"));
    let request = CreateBatchRequest { batch_reference, sku: sku.clone(), purchased_quantity: 10, eta: None };
    let batch = service.create_batch(request).await?.into_inner().batch.unwrap_or_default();
    println!("{}", json!({"batch_reference": batch.batch_reference, "purchased_quantity": batch.purchased_quantity}));
    let request =
        |sku, quantity| AllocateRequest { order_id: format!("{name}-1"), sku, quantity, ..Default::default() };
    let line = service.allocate(request(sku, 3)).await?.into_inner().line.unwrap_or_default();
    let (state, order, batch) = (line.state().as_str_name(), line.order_id, line.batch_reference);
    println!("{}", json!({"order_id": order, "line_id": line.line_id, "state": state, "batch_reference": batch}));
    match service.allocate(request(format!("{name}-unknown"), 1)).await {
        Err(status) if says_unknown_sku(&status) => _ = failed(&status), // as it should be
        Err(status) => return Err(status),
        Ok(_) => return Err(Status::unknown(format!("{name}-unknown was not refused"))),
    }
    Ok(())
}

pub fn says_unknown_sku(status: &Status) -> bool {
    status.get_details_error_info().is_some_and(|info| info.reason == RejectionReason::UnknownSku.as_str_name())
}

/// Prints the code of a failed call, and the typed reason if it has one.
pub fn failed(status: &Status) -> ExitCode {
    // tonic calls it CANCELLED when it was this side that did not wait any longer.
    let is_late = anyhow::Chain::new(status).any(<dyn std::error::Error>::is::<TimeoutExpired>);
    let code = if is_late { Code::DeadlineExceeded } else { status.code() };
    let mut failure = json!({"code": format!("{code:?}").to_shouty_snake_case()});
    if let Some(info) = status.get_details_error_info() {
        failure["reason"] = info.reason.into();
    }
    println!("{failure}");
    ExitCode::FAILURE
}
