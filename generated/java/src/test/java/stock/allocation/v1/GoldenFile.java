package stock.allocation.v1;

import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** A file of vectors, as tests/golden/README.md says. */
record GoldenFile(JsonObject content) {
    private static final Path FOLDER = Path.of("../../tests/golden/v1");

    static List<GoldenFile> all() throws IOException {
        try (Stream<Path> paths = Files.list(FOLDER)) {
            List<GoldenFile> files = paths.filter(path -> path.toString().endsWith(".json"))
                    .sorted()
                    .map(GoldenFile::read)
                    .toList();
            assertFalse(files.isEmpty(), "no golden vectors in " + FOLDER);
            return files;
        }
    }

    private static GoldenFile read(Path path) {
        try {
            return new GoldenFile(JsonParser.parseString(Files.readString(path)).getAsJsonObject());
        } catch (IOException error) {
            throw new AssertionError(path + " cannot be read", error);
        }
    }

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

    boolean isEvent() {
        return prototype().getDescriptorForType().getOptions().hasExtension(Options.event);
    }

    /** What stands under `headers` or `attributes`; empty if nothing does. */
    Map<String, String> texts(String key) {
        Map<String, String> texts = new TreeMap<>();
        if (content.has(key)) {
            content.getAsJsonObject(key).asMap().forEach((name, value) -> texts.put(name, value.getAsString()));
        }
        return texts;
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

    /** The same message in bytes and in JSON. */
    record Vector(String name, Message prototype, byte[] wire, JsonObject json) {
        @Override
        public String toString() {
            return prototype.getDescriptorForType().getName() + ", " + name;
        }
    }
}
