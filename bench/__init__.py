"""Where the figures of ``docs/performance.md`` come from. Each script prints its own; none is a test."""
