package stock.allocation.v1;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import stock.allocation.v1.GoldenFile.Vector;

/** The golden vectors of the contract, which every language reads. */
class GoldenTest {
    private static final Path PROTOS = Path.of("../../protos/stock/allocation/v1");
    private static final String LATER_VERSION = "from a later version";
    private static final String ZERO = "zero that is present";
    private static final List<String> VECTORS_THAT_SAY_MOST = List.of("nothing set", "everything set", LATER_VERSION);

    private static final List<FileDescriptor> CONTRACT = List.of(
            AllocationServiceOuterClass.getDescriptor(),
            BatchOuterClass.getDescriptor(),
            Errors.getDescriptor(),
            Events.getDescriptor(),
            InboundEvents.getDescriptor(),
            Line.getDescriptor(),
            Options.getDescriptor());

    @Test
    void every_message_of_the_contract_has_a_golden_file_and_every_golden_file_a_message() throws IOException {
        var messages = new TreeSet<String>();
        for (FileDescriptor file : CONTRACT) {
            file.getMessageTypes().forEach(message -> messages.add(message.getFullName()));
        }
        messages.remove(EventOptions.getDescriptor().getFullName()); // Describes the contract, and is never sent.
        var golden = new TreeSet<String>();
        for (GoldenFile file : files()) {
            golden.add(file.message());
        }
        assertEquals(messages, golden);
    }

    @Test
    void no_proto_of_the_contract_is_left_out_of_the_golden_test() throws IOException {
        try (Stream<Path> protos = Files.list(PROTOS)) {
            assertEquals(
                    protos.map(path -> path.getFileName().toString()).sorted().toList(),
                    CONTRACT.stream().map(file -> Path.of(file.getName()).getFileName().toString()).sorted().toList());
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void every_golden_file_has_the_vectors_that_say_most(GoldenFile file) {
        List<String> names = file.vectors().map(Vector::name).toList();
        assertTrue(names.containsAll(VECTORS_THAT_SAY_MOST), () -> file + " has only " + names);
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void golden_bytes_are_read_as_what_they_mean(Vector vector) throws Exception {
        Message decoded = vector.prototype().getParserForType().parseFrom(vector.wire());
        assertEquals(vector.json(), JsonParser.parseString(JsonFormat.printer().print(decoded)));
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void golden_json_is_written_as_the_same_bytes(Vector vector) throws Exception {
        if (vector.name().equals(LATER_VERSION)) {
            return; // What this version does not know it cannot write.
        }
        Message.Builder message = vector.prototype().newBuilderForType();
        JsonFormat.parser().merge(vector.json().toString(), message);
        assertArrayEquals(vector.wire(), message.build().toByteArray());
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void golden_zero_that_was_sent_is_there(Vector vector) throws Exception {
        Message decoded = vector.prototype().getParserForType().parseFrom(vector.wire());
        if (vector.name().equals(ZERO)) {
            assertNotEquals(vector.prototype(), decoded);
        }
        if (vector.name().equals("nothing set")) {
            assertTrue(decoded.getAllFields().isEmpty());
        }
    }

    @Test
    void golden_quantity_of_zero_is_told_from_one_that_is_absent() throws Exception {
        List<Vector> zeros = vectors()
                .filter(vector -> vector.name().equals(ZERO))
                .filter(vector -> vector.prototype() instanceof BatchQuantityChanged)
                .toList();
        assertEquals(1, zeros.size());
        BatchQuantityChanged zero =
                BatchQuantityChanged.parseFrom(zeros.get(0).wire());
        assertTrue(zero.hasQuantity());
        assertEquals(0, zero.getQuantity());
        assertFalse(BatchQuantityChanged.parseFrom(new byte[0]).hasQuantity());
    }

    @ParameterizedTest
    @MethodSource("files")
    void a_golden_event_and_nothing_else_has_a_subject_headers_and_attributes(GoldenFile file) {
        assertEquals(file.isEvent(), file.content().has("subject"));
        assertEquals(file.isEvent(), !file.texts("headers").isEmpty());
        assertEquals(file.isEvent(), !file.texts("attributes").isEmpty());
    }

    @ParameterizedTest
    @MethodSource("events")
    void golden_subject_is_the_constant(GoldenFile file) throws Exception {
        String name = file.prototype().getDescriptorForType().getName();
        String constant = name.replaceAll("(?<!^)(?=[A-Z])", "_").toUpperCase();
        assertEquals(
                file.content().get("subject").getAsString(),
                Subjects.class.getField(constant).get(null));
    }

    @ParameterizedTest
    @MethodSource("events")
    void golden_headers_are_percent_encoded_attributes(GoldenFile file) {
        Map<String, String> attributes = new TreeMap<>();
        file.texts("headers").forEach((header, value) -> {
            if (header.startsWith("ce-")) {
                // A form's plus sign means a space; a header's means itself.
                String escaped = value.replace("+", "%2B");
                attributes.put(header.substring("ce-".length()), URLDecoder.decode(escaped, StandardCharsets.UTF_8));
            }
        });
        assertEquals(file.texts("attributes"), attributes);
    }

    @ParameterizedTest
    @MethodSource("events")
    void golden_headers_name_the_message_and_its_id_twice(GoldenFile file) {
        Map<String, String> headers = file.texts("headers");
        assertEquals(file.message(), headers.get("ce-type"));
        assertNotNull(headers.get("ce-id"));
        assertEquals(headers.get("ce-id"), headers.get("Nats-Msg-Id"));
    }

    static List<GoldenFile> files() throws IOException {
        return GoldenFile.all();
    }

    static Stream<GoldenFile> events() throws IOException {
        return files().stream().filter(GoldenFile::isEvent);
    }

    static Stream<Vector> vectors() throws IOException {
        return files().stream().flatMap(GoldenFile::vectors);
    }
}
