import static com.norikv.client.Bytes.utf8;

import com.norikv.client.AlreadyExistsException;
import com.norikv.client.GetResult;
import com.norikv.client.NoriKVClient;
import com.norikv.client.VersionMismatchException;
import java.util.ArrayList;
import java.util.List;

/** Many threads count up one key; compare-and-set loses none of them. Run it against the nodes of NORIKV_ADDR. */
public class Counter {
    static void increment(NoriKVClient kv, byte[] key) {
        while (true) {
            GetResult now = kv.get(key);
            int count = now.found() ? Integer.parseInt(now.text()) : 0;
            try {
                kv.compareAndSet(key, utf8(Integer.toString(count + 1)), now.version());
                return;
            } catch (VersionMismatchException | AlreadyExistsException e) {
                // somebody was faster: read again
            }
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        byte[] key = utf8("example:counter");
        try (NoriKVClient kv = NoriKVClient.connect()) {
            kv.delete(key);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                threads.add(new Thread(() -> increment(kv, key)));
            }
            threads.forEach(Thread::start);
            for (Thread thread : threads) {
                thread.join();
            }
            System.out.println("counted to " + kv.getRequired(key).text());
        }
    }
}
