package crm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CustomersTest {
    @TempDir
    private Path folder;

    private Path file;
    private final Customers customers = new Customers();

    @BeforeEach
    void name() {
        file = folder.resolve("crm.json");
    }

    @Test
    void an_event_that_comes_again_is_dropped_by_its_id() {
        customers.take("a", "RUG", "ada-1", "1", 1, 3);
        customers.take("a", "RUG", "ada-1", "1", 1, 3);
        assertFigures(customers, 1, 3, 1, 0);
    }

    @Test
    void the_latest_ten_thousand_ids_are_remembered() {
        for (int event = 0; event < 10_001; event++) {
            customers.take("id-" + event, "RUG", "ada-1", "1", event + 1, 3);
        }
        customers.take("id-1", "RUG", "ada-1", "1", 2, 3); // the oldest that is known: a duplicate
        customers.take("id-0", "RUG", "ada-1", "1", 1, 3); // forgotten, but stale
        assertFigures(customers, 1, 3, 1, 1);
    }

    @Test
    void an_event_that_is_not_above_the_last_of_its_line_is_ignored() {
        customers.take("a", "RUG", "ada-1", "1", 7, 0);
        customers.take("b", "RUG", "ada-1", "1", 6, 3);
        customers.take("c", "RUG", "ada-1", "1", 7, 3);
        assertFigures(customers, 0, 0, 0, 2);
    }

    @Test
    void lines_of_other_orders_skus_and_line_ids_go_by_sequences_of_their_own() {
        customers.take("a", "RUG", "ada-1", "1", 7, 1);
        customers.take("b", "LAMP", "ada-1", "1", 1, 2);
        customers.take("c", "RUG", "ada-2", "1", 2, 4);
        customers.take("d", "RUG", "ada-1", "2", 3, 8);
        assertFigures(customers, 4, 15, 0, 0);
    }

    @Test
    void a_line_that_moves_to_another_batch_is_promised_once() {
        customers.take("a", "RUG", "ada-1", "1", 1, 3);
        customers.take("b", "RUG", "ada-1", "1", 2, 0);
        assertFigures(customers, 0, 0, 0, 0);
        customers.take("c", "RUG", "ada-1", "1", 3, 3);
        assertFigures(customers, 1, 3, 0, 0);
    }

    @Test
    void the_third_order_makes_a_customer_a_vip() {
        customers.take("a", "RUG", "ada-1", "1", 1, 1);
        customers.take("b", "RUG", "ada-1", "2", 2, 1); // another line of the same order
        customers.take("c", "RUG", "ada-2", "1", 3, 1);
        customers.take("d", "RUG", "bob-of-hull-1", "1", 4, 1);
        assertEquals(Set.of(), customers.figures().vips());
        customers.take("e", "RUG", "ada-3", "1", 5, 1);
        assertEquals(Set.of("ada"), customers.figures().vips());
        customers.take("f", "RUG", "ada-4", "1", 6, 1);
        customers.take("g", "RUG", "bob-of-hull-2", "1", 7, 1);
        customers.take("h", "RUG", "bob-of-hull-3", "1", 8, 1);
        assertEquals(new TreeSet<>(Set.of("ada", "bob-of-hull")), customers.figures().vips());
        assertEquals(2, customers.figures().customers());
    }

    @Test
    void an_order_whose_promise_was_taken_back_counts() {
        customers.take("a", "RUG", "ada-1", "1", 2, 0); // heard of before the promise itself
        customers.take("b", "RUG", "ada-2", "1", 3, 1);
        customers.take("c", "RUG", "ada-3", "1", 4, 1);
        assertEquals(Set.of("ada"), customers.figures().vips());
    }

    @Test
    void an_order_without_a_dash_has_no_customer() {
        customers.take("a", "RUG", "anonymous", "1", 1, 1);
        assertEquals(0, customers.figures().customers());
        assertFigures(customers, 1, 1, 0, 0);
    }

    @Test
    void a_restart_goes_on_where_it_stopped() throws IOException {
        customers.take("a", "RÜG", "ada-1", "1", 7, 3);
        customers.take("b", "RÜG", "ada-2", "1", 8, 3);
        customers.save(file);
        customers.save(file);

        Customers restarted = Customers.load(file);
        assertEquals(customers.figures(), restarted.figures());
        restarted.take("a", "RÜG", "ada-1", "1", 7, 3);
        restarted.take("c", "RÜG", "ada-1", "1", 6, 3);
        assertFigures(restarted, 2, 6, 1, 1);
        restarted.take("d", "RÜG", "ada-3", "1", 9, 1);
        assertEquals(Set.of("ada"), restarted.figures().vips());
    }

    @Test
    void a_missing_or_empty_state_is_a_fresh_start() throws IOException {
        assertFigures(Customers.load(file), 0, 0, 0, 0);
        Files.writeString(file, "");
        assertFigures(Customers.load(file), 0, 0, 0, 0);
    }

    @Test
    void a_temporary_file_that_was_left_half_written_changes_nothing() throws IOException {
        customers.take("a", "RUG", "ada-1", "1", 1, 3);
        customers.save(file);
        Files.writeString(Path.of(file + ".tmp"), "{\"seen\":[\"a");
        assertFigures(Customers.load(file), 1, 3, 0, 0);
        customers.save(file);
        assertFigures(Customers.load(file), 1, 3, 0, 0);
    }

    @Test
    void a_torn_state_is_refused_since_what_was_acked_does_not_come_again() throws IOException {
        Files.writeString(file, "{\"seen\":[\"a");
        var error = assertThrows(IOException.class, () -> Customers.load(file));
        assertEquals(file + " holds no state of crm", error.getMessage().split(":")[0]);
    }

    private static void assertFigures(Customers customers, int lines, long units, int duplicates, int stale) {
        var figures = customers.figures();
        assertEquals(lines, figures.lines());
        assertEquals(units, figures.units());
        assertEquals(duplicates, figures.duplicates());
        assertEquals(stale, figures.stale());
    }
}
