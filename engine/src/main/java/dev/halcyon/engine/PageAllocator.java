package dev.halcyon.engine;

import java.util.ArrayDeque;

/// The free pages of the cache pool.
final class PageAllocator {
    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private final int total;

    PageAllocator(int pages) {
        total = pages;
        for (int page = 0; page < pages; page++) {
            free.add(page);
        }
    }

    int available() {
        return free.size();
    }

    int total() {
        return total;
    }

    /// {@return `count` pages, which are there}
    int[] take(int count) {
        if (count > free.size()) {
            throw new IllegalStateException(
                    count + " cache pages wanted, " + free.size() + " are free");
        }
        int[] pages = new int[count];
        for (int i = 0; i < count; i++) {
            pages[i] = free.remove();
        }
        return pages;
    }

    void give(int[] pages) {
        for (int page : pages) {
            free.add(page);
        }
    }
}
