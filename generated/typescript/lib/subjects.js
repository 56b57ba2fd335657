// Generated from the options of the event messages in protos/. DO NOT EDIT.

/** The NATS subject of each event. */
export const subjects = {
  Allocated: "allocation.allocated",
  Deallocated: "allocation.deallocated",
  Backordered: "allocation.backordered",
  OutOfStock: "allocation.out_of_stock",
  StockChanged: "allocation.stock_changed",
  Rejected: "allocation.rejected",
  BatchCreated: "batch.created",
  BatchQuantityChanged: "batch.quantity.changed",
  OrderPlaced: "order.placed",
};
