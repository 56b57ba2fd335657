package stock.allocation.v1;

import static org.junit.jupiter.api.Assertions.assertEquals;

import build.buf.protovalidate.Validator;
import build.buf.protovalidate.ValidatorFactory;
import build.buf.protovalidate.exceptions.ValidationException;
import build.buf.validate.FieldPath;
import com.google.protobuf.Message;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The constraints of the contract, as protovalidate reads them from the messages of this package. */
class ConstraintTest {
    private final Validator validator = ValidatorFactory.newBuilder().build();

    @Test
    void a_message_that_keeps_every_constraint_passes() throws ValidationException {
        var line = OrderPlacedLine.newBuilder().setSku("MISBEGOTTEN-RUG").setQuantity(1);
        assertBroken(
                OrderPlaced.newBuilder().setOrderId("order-1").addLines(line).build());
        assertBroken(BatchQuantityChanged.newBuilder()
                .setBatchReference("rug-early")
                .setQuantity(0)
                .build());
    }

    @Test
    void a_broken_constraint_names_the_field() throws ValidationException {
        var request = AllocateRequest.newBuilder().setSku("MISBEGOTTEN-RUG").setQuantity(1);
        assertBroken(request.clone().build(), "order_id");
        assertBroken(request.clone().setOrderId("a\nb").build(), "order_id");
        assertBroken(request.clone().setOrderId("o".repeat(129)).build(), "order_id");
        assertBroken(request.clone().setOrderId("order-1").setQuantity(0).build(), "quantity");
    }

    @Test
    void a_broken_constraint_inside_a_list_names_the_line() throws ValidationException {
        var good = OrderPlacedLine.newBuilder().setSku("MISBEGOTTEN-RUG").setQuantity(1);
        var order = OrderPlaced.newBuilder().setOrderId("order-1").addLines(good);
        assertBroken(order.clone().addLines(good.clone().setQuantity(-1)).build(), "lines[1].quantity");
        assertBroken(order.clone().clearLines().build(), "lines");
    }

    @Test
    void a_quantity_that_is_absent_or_negative_breaks_its_constraint() throws ValidationException {
        var changed = BatchQuantityChanged.newBuilder().setBatchReference("rug-early");
        assertBroken(changed.clone().build(), "quantity");
        assertBroken(changed.clone().setQuantity(-1).build(), "quantity");
    }

    private void assertBroken(Message message, String... fields) throws ValidationException {
        List<String> paths = validator.validate(message).getViolations().stream()
                .map(violation -> path(violation.toProto().getField()))
                .toList();
        assertEquals(List.of(fields), paths);
    }

    private static String path(FieldPath path) {
        return path.getElementsList().stream()
                .map(element -> element.getFieldName() + (element.hasIndex() ? "[" + element.getIndex() + "]" : ""))
                .collect(Collectors.joining("."));
    }
}
