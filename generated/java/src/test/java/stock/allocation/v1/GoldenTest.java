package stock.allocation.v1;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The golden vectors of the contract, which every language reads. */
class GoldenTest {
    private static final Path FOLDER = Path.of("../../tests/golden/v1");
    private static final String LATER_VERSION = "from a later version";
    private static final String ZERO = "zero that is present";

    /** The files whose messages have vectors: all but the option's. */
    private static final List<FileDescriptor> CONTRACT = List.of(
            AllocationServiceOuterClass.getDescriptor(),
            BatchOuterClass.getDescriptor(),
            Events.getDescriptor(),
            InboundEvents.getDescriptor(),
            Line.getDescriptor());

    @Test
    void every_message_of_the_contract_has_a_golden_file_and_every_golden_file_a_message() throws IOException {
        var messages = new TreeSet<String>();
        for (FileDescriptor file : CONTRACT) {
            file.getMessageTypes().forEach(message -> messages.add(message.getFullName()));
        }
        var golden = new TreeSet<String>();
        for (Golden file : files()) {
            golden.add(file.message());
        }
        assertFalse(golden.isEmpty());
        assertEquals(messages, golden);
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
    void golden_subject_is_the_constant(Golden file) throws Exception {
        Descriptor message = file.prototype().getDescriptorForType();
        boolean isEvent = message.getOptions().hasExtension(Options.event);
        assertEquals(isEvent, file.content().has("subject"));
        if (isEvent) {
            String constant = message.getName().replaceAll("(?<!^)(?=[A-Z])", "_").toUpperCase();
            assertEquals(
                    file.content().get("subject").getAsString(),
                    Subjects.class.getField(constant).get(null));
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void golden_headers_are_percent_encoded_attributes(Golden file) {
        if (!file.content().has("headers")) {
            return; // No event.
        }
        Map<String, String> attributes = new TreeMap<>();
        file.content().getAsJsonObject("headers").asMap().forEach((header, value) -> {
            if (header.startsWith("ce-")) {
                // A form's plus sign means a space; a header's means itself.
                String escaped = value.getAsString().replace("+", "%2B");
                attributes.put(header.substring("ce-".length()), URLDecoder.decode(escaped, StandardCharsets.UTF_8));
            }
        });
        Map<String, String> expected = new TreeMap<>();
        file.content().getAsJsonObject("attributes").asMap().forEach((name, value) -> {
            expected.put(name, value.getAsString());
        });
        assertEquals(expected, attributes);
    }

    static List<Golden> files() throws IOException {
        try (Stream<Path> paths = Files.list(FOLDER)) {
            return paths.filter(path -> path.toString().endsWith(".json"))
                    .sorted()
                    .map(GoldenTest::read)
                    .toList();
        }
    }

    static Stream<Vector> vectors() throws IOException {
        return files().stream().flatMap(Golden::vectors);
    }

    private static Golden read(Path path) {
        try {
            return new Golden(JsonParser.parseString(Files.readString(path)).getAsJsonObject());
        } catch (IOException error) {
            throw new AssertionError(path + " cannot be read", error);
        }
    }

    /** A file of vectors. */
    record Golden(JsonObject content) {
        String message() {
            return content.get("message").getAsString();
        }

        /** The Java class of a message has the full name of the message; a name that is unknown here is a failure. */
        Message prototype() {
            try {
                return (Message)
                        Class.forName(message()).getMethod("getDefaultInstance").invoke(null);
            } catch (ReflectiveOperationException error) {
                throw new AssertionError("this package has no message " + message(), error);
            }
        }

        Stream<Vector> vectors() {
            Message prototype = prototype();
            List<Vector> vectors = StreamSupport.stream(
                            content.getAsJsonArray("vectors").spliterator(), false)
                    .map(JsonElement::getAsJsonObject)
                    .map(vector -> new Vector(
                            vector.get("name").getAsString(),
                            prototype,
                            HexFormat.of().parseHex(vector.get("wire").getAsString()),
                            vector.getAsJsonObject("json")))
                    .toList();
            assertFalse(vectors.isEmpty(), message() + " has no vectors");
            return vectors.stream();
        }

        @Override
        public String toString() {
            return message();
        }
    }

    /** The same message in bytes and in JSON. */
    record Vector(String name, Message prototype, byte[] wire, JsonObject json) {
        @Override
        public String toString() {
            return prototype.getDescriptorForType().getName() + ", " + name;
        }
    }
}
