package crm;

import build.buf.protovalidate.ValidatorFactory;
import com.google.gson.Gson;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.nats.client.ErrorListener;
import io.nats.client.JetStream;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.UUID;
import stock.allocation.v1.*;

/** Customer relations: tries the service, reports damage, and makes a customer with three allocated orders a VIP. */
public final class Crm {
    private static final Duration DEADLINE = Duration.ofSeconds(5);

    public static void main(String[] words) {
        int status = 1;
        try {
            status = switch (words.length == 0 ? "" : words[0] + words.length) {
                case "try2" -> attempt(words[1]);
                case "damage3" -> damage(words[1], Integer.parseInt(words[2]));
                case "run4" -> Follower.follow(words[1], Path.of(words[2])); // SECONDS or more: it only listens
                default -> throw new NumberFormatException();
            };
        } catch (NumberFormatException error) {
            System.err.println("usage: crm try NAME | damage BATCH_REFERENCE QUANTITY | run NAME STATE_FILE SECONDS");
            status = 64;
        } catch (Exception error) {
            System.err.println("crm: " + error);
        }
        Runtime.getRuntime().halt(status); // the threads of the clients have nothing to finish
    }

    private static int attempt(String name) throws InvalidProtocolBufferException {
        String target = System.getenv().getOrDefault("GRPC_TARGET", "127.0.0.1:50051");
        var channel = Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
        var health = HealthGrpc.newBlockingStub(channel);
        var allocation = AllocationServiceGrpc.newBlockingStub(channel);
        var batch = CreateBatchRequest.newBuilder().setBatchReference(name + "-batch").setSku(name + "-sku");
        var line = AllocateRequest.newBuilder().setOrderId(name + "-1");
        try { // withDeadlineAfter counts from now: each call needs its own
            var served = health.withDeadlineAfter(DEADLINE).check(HealthCheckRequest.getDefaultInstance());
            print("health", served.getStatus());
            var created = allocation.withDeadlineAfter(DEADLINE)
                    .createBatch(batch.setPurchasedQuantity(10).build()).getBatch();
            print("batch_reference", created.getBatchReference(), "purchased_quantity", created.getPurchasedQuantity());
            var answer = allocation.withDeadlineAfter(DEADLINE)
                    .allocate(line.setSku(name + "-sku").setQuantity(3).build()).getLine();
            print("order_id", answer.getOrderId(), "line_id", answer.getLineId(),
                    "state", answer.getState(), "batch_reference", answer.getBatchReference());
            allocation.withDeadlineAfter(DEADLINE).allocate(line.setSku(name + "-unknown").setQuantity(1).build());
            throw new IllegalStateException(name + "-unknown was not refused");
        } catch (StatusRuntimeException error) {
            String reason = null;
            for (var detail : StatusProto.fromThrowable(error).getDetailsList()) {
                if (detail.is(ErrorInfo.class)) reason = detail.unpack(ErrorInfo.class).getReason();
            }
            print("code", error.getStatus().getCode(), "reason", reason);
            return RejectionReason.REJECTION_REASON_UNKNOWN_SKU.name().equals(reason) ? 0 : 1;
        }
    }

    private static int damage(String batchReference, int quantity) throws Exception {
        var event = BatchQuantityChanged.newBuilder().setBatchReference(batchReference).setQuantity(quantity).build();
        var violations = ValidatorFactory.newBuilder().build().validate(event).toProto().getViolationsList();
        if (!violations.isEmpty()) {
            print("violations", violations.stream().map(one -> one.getField().getElements(0).getFieldName()).toList());
            return 2;
        }
        String id = UUID.randomUUID().toString();
        var headers = new Headers().put("ce-specversion", "1.0").put("ce-id", id).put("ce-source", "/crm")
                .put("ce-type", event.getDescriptorForType().getFullName())
                .put("ce-datacontenttype", "application/protobuf").put("Nats-Msg-Id", id);
        JetStream events = Nats.connect(broker()).jetStream();
        long sequence = events.publish(Subjects.BATCH_QUANTITY_CHANGED, headers, event.toByteArray()).getSeqno();
        print("subject", Subjects.BATCH_QUANTITY_CHANGED, "stream_sequence", sequence);
        return 0;
    }

    static Options broker() {
        return Options.builder().server(System.getenv().getOrDefault("NATS_URL", "nats://127.0.0.1:4222"))
                .maxReconnects(-1).reconnectWait(Duration.ofSeconds(1)).reconnectBufferSize(0)
                .pingInterval(Duration.ofSeconds(2)).maxPingsOut(2) // a broker that does not answer is left
                .connectionListener((connection, event) -> System.err.println("crm: " + event))
                .errorListener(new ErrorListener() {}).build(); // what matters is thrown
    }

    /** Prints a line of JSON: names, each followed by its value. */
    static void print(Object... line) {
        var values = new LinkedHashMap<Object, Object>();
        for (int at = 0; at < line.length; at += 2) values.put(line[at], line[at + 1]);
        System.out.writeBytes((new Gson().toJson(values) + "\n").getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }
}
