package crm;

import com.google.protobuf.InvalidProtocolBufferException;
import io.nats.client.*;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.DeliverPolicy;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import stock.allocation.v1.Allocated;
import stock.allocation.v1.Deallocated;
import stock.allocation.v1.Subjects;

/** Follows what is allocated and deallocated with a durable consumer, through restarts of the broker and of itself. */
final class Follower {
    private static final String STREAM = "ALLOCATION_EVENTS";

    static int follow(String name, Path file) throws IOException, InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> { // a signal ends it between two batches, with status 0
            synchronized (Follower.class) { Runtime.getRuntime().halt(0); }
        }));
        Customers customers = Customers.load(file);
        Crm.print("figures", customers.figures());
        var durable = ConsumerConfiguration.builder().durable(name).deliverPolicy(DeliverPolicy.All)
                .ackPolicy(AckPolicy.Explicit).ackWait(Duration.ofSeconds(10)) // then what was not acked comes again
                .filterSubjects(Subjects.ALLOCATED, Subjects.DEALLOCATED).build();
        var atMost = FetchConsumeOptions.builder().maxMessages(100).noWaitExpiresIn(3000).build();
        Connection nats = null;
        ConsumerContext consumer = null;
        while (true) {
            try { // the client gives up when it is not let in twice: then it is a new one's turn
                boolean gone = nats == null || nats.getStatus() == Connection.Status.CLOSED;
                if (gone) nats = Nats.connectReconnectOnConnect(Crm.broker());
                if (consumer == null) consumer = nats.getStreamContext(STREAM).createOrUpdateConsumer(durable);
                var batch = new ArrayList<Message>();
                FetchConsumer messages = consumer.fetch(atMost);
                for (Message next; (next = messages.nextMessage()) != null; ) batch.add(next);
                if (batch.isEmpty()) consumer = null; // nothing new, or the consumer is gone: look
                else take(batch, customers, file);
            } catch (IOException | JetStreamApiException | JetStreamStatusCheckedException
                    | IllegalStateException away) {
                System.err.println("crm: waits for " + STREAM + ": " + away.getMessage());
                consumer = null;
                Thread.sleep(1000);
            }
        }
    }

    /** First the state, then the ack: whoever is killed between them gets the batch again, and knows it. */
    private static synchronized void take(List<Message> batch, Customers customers, Path file) {
        var before = customers.figures().vips();
        batch.forEach(message -> read(message, customers));
        customers.save(file);
        customers.figures().vips().stream().filter(vip -> !before.contains(vip)).forEach(vip -> Crm.print("vip", vip));
        batch.forEach(Message::ack);
        Crm.print("figures", customers.figures());
    }

    private static void read(Message message, Customers customers) {
        Headers headers = message.hasHeaders() ? message.getHeaders() : new Headers();
        String id = headers.getFirst("ce-id");
        String type = headers.getFirst("ce-type");
        try {
            if (Allocated.getDescriptor().getFullName().equals(type)) {
                var line = Allocated.parseFrom(message.getData());
                customers.take(id, line.getSku(), line.getOrderId(), line.getLineId(), line.getSkuSequence(),
                        line.getQuantity());
            } else if (Deallocated.getDescriptor().getFullName().equals(type)) {
                var line = Deallocated.parseFrom(message.getData());
                customers.take(id, line.getSku(), line.getOrderId(), line.getLineId(), line.getSkuSequence(), 0);
            } // else of a later version: nothing to this program
        } catch (InvalidProtocolBufferException error) { // it would be no better if it came again
            System.err.println("crm: " + id + " is no " + type + ": " + error.getMessage());
        }
    }
}
