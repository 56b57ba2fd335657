package stock.allocation.v1;

import com.google.protobuf.Descriptors.Descriptor;

/** The NATS subject of each event, read from the option on its message. */
public final class Subjects {
  // Inbound: other services publish these.
  public static final String BATCH_CREATED = of(BatchCreated.getDescriptor());
  public static final String BATCH_QUANTITY_CHANGED = of(BatchQuantityChanged.getDescriptor());
  public static final String ORDER_PLACED = of(OrderPlaced.getDescriptor());

  // Outbound: the allocation service publishes these.
  public static final String ALLOCATED = of(Allocated.getDescriptor());
  public static final String DEALLOCATED = of(Deallocated.getDescriptor());
  public static final String BACKORDERED = of(Backordered.getDescriptor());
  public static final String OUT_OF_STOCK = of(OutOfStock.getDescriptor());
  public static final String STOCK_CHANGED = of(StockChanged.getDescriptor());
  public static final String REJECTED = of(Rejected.getDescriptor());

  private Subjects() {}

  /**
   * The subject that carries an event message.
   *
   * @throws IllegalArgumentException the message is no event
   */
  public static String of(Descriptor message) {
    if (!message.getOptions().hasExtension(Options.event)) {
      throw new IllegalArgumentException(message.getFullName() + " is no event: it has no subject");
    }
    return message.getOptions().getExtension(Options.event).getSubject();
  }
}
