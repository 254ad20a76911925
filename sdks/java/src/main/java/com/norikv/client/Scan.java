package com.norikv.client;

import com.norikv.proto.v1.ScanResponse;
import java.lang.ref.Cleaner;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The pairs of a scan in key order, read as they are asked for; it resumes by itself when a connection breaks. It can be walked once, by one
 * thread at a time. Close it when it is given up early: one that is only forgotten keeps its memory and the node busy until it is collected.
 */
public final class Scan implements Iterable<Pair>, Iterator<Pair>, AutoCloseable {
    private final PageReader pages;
    private final Cleaner.Cleanable forgotten;
    private Queue<Pair> page = new ArrayDeque<>();
    private boolean over;
    private RuntimeException failure; // what it ended with: asked again it must not look complete

    Scan(PageReader pages) {
        this.pages = pages;
        forgotten = pages.closeWith(this);
    }

    @Override
    public Iterator<Pair> iterator() {
        return this;
    }

    /**
     * Whether another pair follows; waits for the next page where it must.
     *
     * @throws NoriKVException when no page came before the deadline; again each time it is asked then
     */
    @Override
    public boolean hasNext() {
        while (page.isEmpty() && !over) {
            if (failure != null) {
                throw failure;
            }
            ScanResponse next;
            try {
                next = Futures.await(pages.next());
            } catch (RuntimeException e) {
                failure = e;
                throw e;
            }
            if (next == null) {
                over = true;
            } else {
                page = new ArrayDeque<>(Wire.pairs(next));
            }
        }
        return !page.isEmpty();
    }

    @Override
    public Pair next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return page.remove();
    }

    /**
     * The pairs as a stream; closing it closes the scan.
     *
     * @return a sequential stream
     */
    public Stream<Pair> stream() {
        int kind = Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.DISTINCT;
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, kind), false).onClose(this::close);
    }

    /** Gives the scan up. */
    @Override
    public void close() {
        over = true;
        forgotten.clean();
    }
}
