package com.norikv.client;

import java.util.List;

/**
 * Part of a scan.
 *
 * @param pairs its pairs, in order
 * @param nextPageToken goes on behind it; empty when nothing follows
 * @param count how many pairs the scan gave so far, those before its page token included
 */
public record Page(List<Pair> pairs, byte[] nextPageToken, long count) {
    /**
     * Whether more may follow.
     *
     * @return true when there is a token
     */
    public boolean hasMore() {
        return nextPageToken.length > 0;
    }
}
