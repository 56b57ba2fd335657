// Generated from the options of the event messages in protos/. DO NOT EDIT.

/** The NATS subject of each event. */
export declare const subjects: {
  readonly Allocated: "allocation.allocated";
  readonly Deallocated: "allocation.deallocated";
  readonly Backordered: "allocation.backordered";
  readonly OutOfStock: "allocation.out_of_stock";
  readonly StockChanged: "allocation.stock_changed";
  readonly Rejected: "allocation.rejected";
  readonly BatchCreated: "batch.created";
  readonly BatchQuantityChanged: "batch.quantity.changed";
  readonly OrderPlaced: "order.placed";
};
