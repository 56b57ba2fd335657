package stock.allocation.v1;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Descriptors.FileDescriptor;
import java.lang.reflect.Field;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SubjectsTest {
    @Test
    void every_event_of_the_contract_has_a_constant_and_no_constant_is_left_over() throws IllegalAccessException {
        var subjects = new TreeMap<String, String>();
        for (FileDescriptor file : List.of(Events.getDescriptor(), InboundEvents.getDescriptor())) {
            for (var message : file.getMessageTypes()) {
                if (message.getOptions().hasExtension(Options.event)) {
                    String constant =
                            message.getName().replaceAll("(?<!^)(?=[A-Z])", "_").toUpperCase();
                    subjects.put(constant, message.getOptions().getExtension(Options.event).getSubject());
                }
            }
        }
        var constants = new TreeMap<String, String>();
        for (Field field : Subjects.class.getFields()) {
            constants.put(field.getName(), (String) field.get(null));
        }
        assertEquals(subjects, constants);
        assertEquals("allocation.allocated", Subjects.ALLOCATED);
        assertEquals("batch.quantity.changed", Subjects.BATCH_QUANTITY_CHANGED);
    }

    @Test
    void a_message_that_is_no_event_has_no_subject() {
        var error = assertThrows(IllegalArgumentException.class, () -> Subjects.of(AllocateRequest.getDescriptor()));
        assertEquals("stock.allocation.v1.AllocateRequest is no event: it has no subject", error.getMessage());
    }
}
