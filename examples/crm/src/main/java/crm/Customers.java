package crm;

import static java.nio.file.StandardOpenOption.*;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.*;

/** All that the program knows, kept in a file: the lines that are promised, who ordered, which events it has seen. */
final class Customers {
    private static final int SEEN_MAX = 10_000;
    private static final int VIP_ORDERS = 3;

    private final Set<String> seen = new LinkedHashSet<>(); // ce-ids, the oldest first
    private final Map<String, Long> latest = new HashMap<>(); // the sku_sequence of each line's latest event
    private final Map<String, Integer> promised = new HashMap<>(); // the units of each line that is promised
    private final Map<String, Set<String>> orders = new HashMap<>(); // of each customer
    private final SortedSet<String> vips = new TreeSet<>();
    private int duplicates;
    private int stale;

    record Figures(int lines, long units, int duplicates, int stale, int customers, SortedSet<String> vips) {}

    /** Takes an event of a line as it is delivered, perhaps again, perhaps late; 0 units: the promise is taken back. */
    void take(String id, String sku, String orderId, String lineId, long skuSequence, int units) {
        String line = String.join("\n", sku, orderId, lineId); // identifiers hold no control characters
        if (id != null && !seen.add(id)) {
            duplicates++;
        } else if (skuSequence <= latest.getOrDefault(line, 0L)) {
            stale++;
        } else {
            latest.put(line, skuSequence);
            if (units > 0) promised.put(line, units); else promised.remove(line);
            if (orderId.contains("-")) count(orderId.substring(0, orderId.lastIndexOf('-')), orderId);
        }
        if (seen.size() > SEEN_MAX) seen.remove(seen.iterator().next());
    }

    /** Counts an order once, by any event: what is taken back was promised, though that may be heard of later. */
    private void count(String customer, String orderId) {
        var theirs = orders.computeIfAbsent(customer, name -> new HashSet<>());
        if (theirs.add(orderId) && theirs.size() == VIP_ORDERS) vips.add(customer);
    }

    Figures figures() {
        long units = promised.values().stream().mapToLong(Integer::longValue).sum();
        return new Figures(promised.size(), units, duplicates, stale, orders.size(), new TreeSet<>(vips));
    }

    static Customers load(Path file) throws IOException {
        try {
            Customers kept = Files.exists(file) ? new Gson().fromJson(Files.readString(file), Customers.class) : null;
            return kept == null ? new Customers() : kept;
        } catch (JsonParseException error) { // not a fresh start: what was acked is not delivered again
            throw new IOException(file + " holds no state of crm: " + error.getMessage(), error);
        }
    }

    /** Replaces the file as a whole, on the disk: who is killed meanwhile finds the old state or the new one. */
    void save(Path file) {
        Path temporary = Path.of(file + ".tmp");
        try {
            Files.writeString(temporary, new Gson().toJson(this), CREATE, TRUNCATE_EXISTING, WRITE, DSYNC);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException error) {
            throw new UncheckedIOException("cannot write " + file, error);
        }
    }
}
