// Code generated from the options of the event messages. DO NOT EDIT.

package allocationv1

// The NATS subject of each event.
const (
	SubjectAllocated            = "allocation.allocated"
	SubjectDeallocated          = "allocation.deallocated"
	SubjectBackordered          = "allocation.backordered"
	SubjectOutOfStock           = "allocation.out_of_stock"
	SubjectStockChanged         = "allocation.stock_changed"
	SubjectRejected             = "allocation.rejected"
	SubjectBatchCreated         = "batch.created"
	SubjectBatchQuantityChanged = "batch.quantity.changed"
	SubjectOrderPlaced          = "order.placed"
)
