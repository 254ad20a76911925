import static com.norikv.client.Bytes.utf8;

import com.norikv.client.NoriKVClient;
import com.norikv.client.Operation;
import com.norikv.client.Page;
import java.util.ArrayList;
import java.util.List;

/** Pages as a web page would show them: the token is all that is kept between two requests. */
public class Pages {
    public static void main(String[] arguments) {
        try (NoriKVClient kv = NoriKVClient.connect()) {
            List<Operation> operations = new ArrayList<>();
            for (int i = 0; i < 25; i++) {
                operations.add(Operation.put(utf8(String.format("example:page:%03d", i)), utf8("x")));
            }
            kv.batch(operations);
            byte[] token = {};
            int shown = 0;
            do {
                byte[] from = token;
                Page page = kv.scanPage(o -> o.prefix(utf8("example:page:")).limit(10).pageToken(from));
                System.out.println(page.pairs().size() + " pairs from " + page.pairs().get(0).keyText());
                shown += page.pairs().size();
                token = page.nextPageToken();
            } while (token.length > 0);
            System.out.println("shown " + shown);
        }
    }
}
